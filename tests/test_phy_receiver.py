"""The streaming receiver: whatever the stream's shape, the bursts in it come out, once and the same."""

import numpy as np
import pytest

from gr_deepsc.phy import burst, fading, frame, header, impair, receiver
from gr_deepsc.phy.burst import Burst, Lost
from gr_deepsc.phy.channel import complex_gaussian, noise_variance
from gr_deepsc.phy.preamble import LONG, PREAMBLES, SHORT
from gr_deepsc.phy.pulse import shape


def sent(rng, frames=6, kind=LONG, **fields):
    head = header.Header(**{"codec": 1, "user_id": 7, "seq": 0, "part": 0, "last": True, "frames": frames} | fields)
    payload = complex_gaussian(rng, 20 * frames).astype(np.complex64)
    return head, payload, burst.modulate(head, payload, kind)


def receive(samples, piece=None):
    modem, found = receiver.BurstReceiver(), []
    for part in np.split(samples, range(piece, len(samples), piece)) if piece else [samples]:
        found += modem.push(part)
    return found + modem.flush()


def headers(events):
    return [event.header for event in events if isinstance(event, Burst)]


@pytest.fixture(scope="module")
def stream():
    """Three bursts, the second right behind the first, the last cut off in its payload."""
    rng = np.random.default_rng(0)
    waves = [sent(rng, seq=k) for k in range(3)]
    gap = np.zeros(2500, np.complex64)
    samples = np.concatenate([gap, waves[0][2], waves[1][2], gap, gap, waves[2][2][:-300]])
    return [head for head, _, _ in waves], impair.noise(samples, noise_variance(3), rng)


def test_truth(stream):
    heads, samples = stream
    events = receive(samples)
    assert headers(events) == heads
    assert [event.received for event in events][:2] == [1, 1] and 0 < events[2].received < 1


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("kind", PREAMBLES.values(), ids=PREAMBLES)
def test_preambles_and_sidebands(kind, inverted):
    """Read alike, and told apart; the carrier is that of the samples as they came. At 6 dB the symbols' error is near
    N0 / (1 + N0) = 0.20, the bound with h known."""
    rng, cfo = np.random.default_rng(11), 0.04
    head, payload, wave = sent(rng, frames=40, kind=kind, codec=10)
    samples = impair.noise(np.pad(wave, 3000), noise_variance(6), rng)
    samples = impair.frequency_offset(samples.conj() if inverted else samples, cfo)
    (found,) = receive(samples)
    assert (found.header, found.preamble, found.inverted) == (head, kind, inverted)
    assert found.cfo == pytest.approx(cfo, abs=1e-4)
    assert np.mean(np.abs(found.symbols - payload) ** 2) == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("kind", PREAMBLES.values(), ids=PREAMBLES)
def test_the_other_sideband_without_a_pause(kind):
    """Each chirp of a conjugated burst is half of a burst that was none: the twenty are heard, and nothing else."""
    rng, waves = np.random.default_rng(12), []
    for k in range(20):
        waves.append(sent(rng, frames=20, kind=kind, codec=10, seq=k)[2])
    events = receive(impair.noise(np.concatenate(waves).conj(), noise_variance(12), rng))
    assert [(event.header.seq, event.inverted) for event in events] == [(k, True) for k in range(20)]


def test_payload_like_a_chirp(monkeypatch):
    """A burst's second chirp, and what looks like its first one where a conjugated burst would have it: of no other
    burst, and not searched at length for one."""
    rng, sought = np.random.default_rng(13), []
    seek = receiver.seek
    monkeypatch.setattr(receiver, "seek", lambda detection, *rest: sought.append(detection) or seek(detection, *rest))
    head, _, wave = sent(rng, frames=60)
    wave = np.pad(wave, 3000)
    chirp = shape(LONG.up)  # at -6 dB: b = 0.25 / (0.25 + 1) = 0.2, and noise has 0.08 once in 100,000 times
    second = 3000 + 4 * (frame.GUARD + 2 * frame.Layout(1).down)
    wave[second : second + len(chirp)] += chirp / 2
    (found,) = receive(impair.noise(wave, noise_variance(10), rng))
    assert found.header == head
    assert len(sought) == 1


@pytest.mark.parametrize("piece", [7, 1024, 65_536])
def test_pieces_leave_no_trace(stream, piece):
    """Bit for bit the same events as for the stream in one piece."""
    _, samples = stream
    for one, other in zip(receive(samples), receive(samples, piece), strict=True):
        assert np.array_equal(one.symbols, other.symbols)
        assert np.array_equal(one.reliability, other.reliability)
        assert one._replace(symbols=None, reliability=None) == other._replace(symbols=None, reliability=None)


def test_single_samples():
    """One sample at a time, for a stream of one short burst."""
    _, _, wave = sent(np.random.default_rng(1), frames=1)
    whole, single = receive(wave), receive(wave, 1)
    assert len(whole) == 1 and np.array_equal(whole[0].symbols, single[0].symbols)


def test_burst_is_the_whole_stream():
    """At the very start and end of a stream, nothing before or behind it, without noise."""
    head, payload, wave = sent(np.random.default_rng(2))
    (found,) = receive(wave)
    assert found.header == head and found.received == 1
    assert np.mean(np.abs(found.symbols - payload) ** 2) < 1e-2


def test_truncated_burst():
    """What came is there, what did not has no reliability; a burst without its header is no burst."""
    rng = np.random.default_rng(3)
    head, payload, wave = sent(rng, frames=40)
    cut = len(wave) - 4 * 400
    (found,) = receive(wave[:cut])
    assert found.header == head
    assert found.received == pytest.approx(1 - 400 * 16 / 17 / 800, abs=0.03)
    assert np.mean(found.reliability > 0) == pytest.approx(found.received, abs=1e-6)
    alive = found.reliability > 0.5
    assert np.mean(np.abs(found.symbols - payload)[alive] ** 2) < 0.02
    assert receive(wave[: 4 * 200]) == []  # the first chirp, and no pilots that would speak for it
    for symbols in (500, 700):  # most of the header; part of the second chirp
        (event,) = receive(wave[: 4 * symbols])
        assert isinstance(event, Lost) and event.error_type in ("header_crc", "truncated")


def test_stronger_burst_on_top_of_another():
    """10 dB above the first, in the midst of its payload: the second is read, and the first's header, too."""
    rng = np.random.default_rng(4)
    _, _, below = sent(rng, frames=60, seq=1)
    second, payload, above = sent(rng, frames=10, seq=2)
    samples = np.pad(below, (3000, 8000))
    samples[3000 + 4 * 900 :][: len(above)] += np.sqrt(10) * above
    events = receive(impair.noise(samples, noise_variance(20), rng))
    assert sorted(head.seq for head in headers(events)) == [1, 2]
    found = next(event for event in events if isinstance(event, Burst) and event.header == second)
    assert 10 * np.log10(1 / np.mean(np.abs(found.symbols - payload) ** 2)) > 8  # the interference is 10 dB below


@pytest.mark.parametrize("count", [1, 3, 100, 3000, 10_000])
def test_samples_lost_in_a_burst(count):
    """An overflow in the midst of a burst: the next burst is read as ever."""
    rng = np.random.default_rng(5)
    _, _, one = sent(rng, frames=50, seq=1)
    after, payload, two = sent(rng, frames=10, seq=2)
    samples = impair.noise(np.concatenate([np.pad(one, 2000), two, np.zeros(3000)]), noise_variance(10), rng)
    events = receive(impair.drop(samples, 2000 + 4 * 1000, count))
    found = [event for event in events if isinstance(event, Burst) and event.header == after]
    if count < 4000:  # 10,000 reach into the second burst
        assert len(found) == 1
        assert np.mean(np.abs(found[0].symbols - payload) ** 2) < 0.15


@pytest.mark.parametrize("kind", ["awgn", "rayleigh"])
def test_evm(kind):
    """Of the payload's pilots, each by the h at its own place: sqrt(N0 / 1.5), in fading of mean power 1, too, within
    10 % over six bursts; infinite in a burst cut off before its first payload pilot."""
    rng, found = np.random.default_rng(8), []
    for _ in range(6):
        _, _, samples = sent(rng, frames=100)
        samples = np.pad(samples, 2000)
        if kind == "rayleigh":
            samples, _ = fading.block_fading(samples, kind, rng)
        found += receive(impair.noise(samples, noise_variance(8), rng))
    evm = np.mean([event.evm for event in found if isinstance(event, Burst)])
    assert evm == pytest.approx(np.sqrt(noise_variance(8) / 1.5), rel=0.1)
    _, _, samples = sent(rng, frames=100)
    (cut,) = receive(samples[: 4 * (frame.Layout(100).payload[5] + 20)])
    assert cut.evm == np.inf


def test_levels():
    """Bursts 20 dB apart, and everything 120 dB apart: the same symbols."""
    rng = np.random.default_rng(6)
    waves = [sent(rng, seq=k) for k in range(3)]
    gains = (0.01, 1.0, 0.1)
    gap = np.zeros(3000, np.complex64)
    samples = np.concatenate([part for g, (_, _, wave) in zip(gains, waves, strict=True) for part in (gap, g * wave)])
    samples = impair.noise(np.append(samples, gap), 1e-6, rng)
    for level in (1e-3, 1.0, 1e3):
        events = receive((level * samples).astype(np.complex64))
        assert headers(events) == [head for head, _, _ in waves]
        for event, (_, payload, _) in zip(events, waves, strict=True):
            assert np.mean(np.abs(event.symbols - payload) ** 2) < 0.05


def test_not_a_number_is_silence():
    rng = np.random.default_rng(7)
    head, _, wave = sent(rng)
    samples = np.pad(wave, 3000)
    samples[100:200], samples[-100:] = np.nan, np.inf
    assert headers(receive(samples)) == [head]


def test_unreadable_header_is_a_typed_event():
    """The header's symbols replaced by noise of the same power between sound chirps."""
    rng = np.random.default_rng(8)
    head, payload, _ = sent(rng)
    symbols = frame.assemble(header.encode(head), payload)
    places = frame.GUARD + frame.Layout(head.frames).header
    symbols[places] = complex_gaussian(rng, len(places))
    wave = np.pad(shape(symbols), 3000)
    (event,) = receive(impair.noise(wave, noise_variance(6), rng))
    assert isinstance(event, Lost) and event.error_type == "header_crc"
    assert event.es_n0_db == pytest.approx(6, abs=1.5)


def test_memory_is_bounded():
    """However long nothing comes, the receiver keeps only what a burst that began might still need."""
    rng, modem = np.random.default_rng(9), receiver.BurstReceiver()
    for _ in range(4):
        modem.push(complex_gaussian(rng, 200_000).astype(np.complex64))
        assert len(modem._samples) + len(modem._unread) < 40_000


@pytest.mark.parametrize(
    ("kind", "codec", "expected"),
    [
        (
            LONG,
            3,
            {
                48: 0.0198 - 0.8294j,
                500: 0.6069 - 0.0695j,
                1000: -0.5121 - 0.4076j,
                2000: -0.4793 - 0.4342j,
                3000: 0.2334 - 0.5666j,
                3300: -0.5064 + 0.0101j,
            },
        ),
        (
            SHORT,
            10,
            {
                48: 0.0642 - 0.8194j,
                200: 0.6090 - 0.0646j,
                500: 0.5031 + 0.3982j,
                800: -0.5336 + 0.5483j,
                1100: -0.0820 + 0.5912j,
                1300: 0.3881 + 0.3158j,
            },
        ),
    ],
    ids=PREAMBLES,
)
def test_vector(kind, codec, expected):
    """One burst of each preamble, frozen: a change of the waveform must be meant."""
    head = header.Header(codec=codec, user_id=0x1234, seq=5, part=1, last=True, frames=2)
    k = np.arange(40)
    wave = burst.modulate(head, np.exp(2j * np.pi * k * k / 40).astype(np.complex64), kind)
    assert len(wave) == 4 * (frame.Layout(2, kind).symbols - 1) + 65
    for place, value in expected.items():
        assert wave[place] == pytest.approx(value, abs=2e-4), place
