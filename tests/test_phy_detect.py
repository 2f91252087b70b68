"""The detector against theory: false-alarm law, probability of detection, errors, and what must not fire."""

import numpy as np
import pytest
from scipy import stats

from gr_deepsc.phy import detect, pulse
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.phy.frame import STRENGTH, Layout
from gr_deepsc.phy.preamble import LONG, PREAMBLES, SHORT

OSF = pulse.SAMPLES_PER_SYMBOL
STRONGER = 10 * np.log10(STRENGTH)  # dB, of a chirp's symbols, above the payload's
WORKING_POINTS = {LONG: -10 + STRONGER, SHORT: -4.5 + STRONGER}  # dB


def preamble_of(kind):
    """Its symbols with a header, or so."""
    size = Layout(1, kind).down - kind.chirp
    return np.concatenate([kind.up, np.exp(0.5j * np.pi * np.random.default_rng(0).integers(4, size=size)), kind.down])


PREAMBLE = preamble_of(LONG)
WAVE = pulse.shape(PREAMBLE)


def stream(rng, es_n0_db=np.inf, cfo=0.0, places=(5000.0,), samples=20_000, level=1.0, kind=LONG):
    """Preambles whose first symbols peak at `places` (fractional samples), random phases, white noise."""
    out, shaped = np.zeros(samples + 8192, np.complex128), pulse.shape(preamble_of(kind))
    for place in places:
        whole, part = divmod(place - pulse.DELAY, 1)
        n = np.arange(4096)
        wave = np.zeros(4096, np.complex128)
        wave[64 : 64 + len(shaped)] = shaped
        wave = np.fft.ifft(np.fft.fft(wave) * np.exp(-2j * np.pi * np.fft.fftfreq(4096) * part))
        wave *= np.exp(2j * np.pi * (cfo / OSF * (n - 64 - pulse.DELAY - part) + rng.uniform()))
        out[int(whole) + 4096 - 64 :][:4096] += wave
    noise = 0 if es_n0_db == np.inf else complex_gaussian(rng, samples) * 10 ** (-es_n0_db / 20)
    return (level * (out[4096 : 4096 + samples] + noise)).astype(np.complex64)


def detections(samples, piece=None):
    detector, found = detect.Detector(), []
    for part in np.split(samples, range(piece, len(samples), piece)) if piece else [samples]:
        found += detector.push(part)
    return found + detector.flush()


def strong(samples):
    return [d for d in detections(samples) if d.sure]


@pytest.mark.parametrize("kind", PREAMBLES.values(), ids=PREAMBLES)
def test_chirps_are_orthogonal_to_their_shifts(kind):
    """Chu 1972: continued periodically (about its middle, with a change of sign) a chirp's correlation with its
    shifts vanishes, and that with the other chirp stays near sqrt(N)."""
    twice = {name: np.fft.fft(np.concatenate([x, -x])) for name, x in (("up", kind.up), ("down", kind.down))}
    for spectrum in twice.values():
        correlation = np.abs(np.fft.ifft(np.abs(spectrum) ** 2)) / 2
        assert correlation[1 : kind.chirp].max() < 1e-3 * kind.chirp
    cross = np.abs(np.fft.ifft(twice["up"] * twice["down"].conj())) / 2
    assert cross.max() < 1.5 * np.sqrt(kind.chirp)


@pytest.mark.parametrize("kind", PREAMBLES.values(), ids=PREAMBLES)
@pytest.mark.parametrize("probability", [0.1, 0.01, 1e-3])
def test_law_of_the_statistic_in_noise(probability, kind):
    """As many of the hypotheses exceed `threshold(p)` as p says, for white noise at any level."""
    rng, exceeding, hypotheses = np.random.default_rng(1), 0, 0
    row = 2 * list(PREAMBLES.values()).index(kind)
    for _ in range(60):
        up, down = detect.correlate((1e-3 * complex_gaussian(rng, 8192)).astype(np.complex64))[row : row + 2]
        statistic = (up[: -OSF * kind.chirp] + down[OSF * kind.chirp :])[::OSF]
        exceeding += np.count_nonzero(statistic > detect.threshold(probability, kind.chirp))
        hypotheses += len(statistic)
    deviation = np.sqrt(2 / (probability * hypotheses))  # neighbours are somewhat dependent
    assert exceeding / hypotheses == pytest.approx(probability, rel=4 * deviation)


@pytest.mark.parametrize(("kind", "nearly"), [(LONG, 0.9), (SHORT, 0.75)])
def test_law_against_many_samples_limit(kind, nearly):
    """For many symbols the sum of two Betas is a Gamma of shape 2: the exact law lies just below it."""
    for probability in (1e-3, 1e-7, 1e-11):
        gamma = stats.gamma(2).isf(probability) / kind.chirp
        threshold = detect.threshold(probability, kind.chirp)
        assert nearly * gamma < threshold < gamma
        assert detect.false_alarm(threshold, kind.chirp) == pytest.approx(probability, rel=1e-3)


@pytest.mark.parametrize("kind", PREAMBLES.values(), ids=PREAMBLES)
def test_probability_of_detection(kind):
    """At the working point. With N symbols of Es/N0 s, b / (1 - b) of a chirp is |sum z x*|^2 / N over what is left of
    its energy: noncentral chi-square with 2 degrees and N s, over chi-square with 2 N - 2."""
    rng, trials, es_n0_db = np.random.default_rng(2), 200, WORKING_POINTS[kind]
    drawn = np.random.default_rng(3)
    signal = drawn.noncentral_chisquare(2, 2 * kind.chirp * 10 ** (es_n0_db / 10), (2, 100_000))
    b = signal / (signal + drawn.chisquare(2 * kind.chirp - 2, (2, 100_000)))
    theory = np.mean(b.sum(0) > detect.threshold(detect.CANDIDATE, kind.chirp))
    assert theory > 0.99
    places = 5000.0 * np.arange(1, trials + 1) + rng.uniform(0, 500, trials)
    starts = [d.start for d in detections(stream(rng, es_n0_db, 0, places, 5000 * (trials + 2), kind=kind))]
    found = np.sum(np.abs(np.subtract.outer(places, starts)).min(1) < 2 * OSF)
    assert found >= stats.binom(trials, theory).ppf(1e-3)


@pytest.mark.parametrize("kind", PREAMBLES.values(), ids=PREAMBLES)
@pytest.mark.parametrize("es_n0_db", [3, 40])
def test_conjugated(kind, es_n0_db):
    """Found as inverted, with the time and the carrier that the conjugated samples have; one as it was sent is not."""
    rng = np.random.default_rng(9)
    samples = stream(rng, es_n0_db, 0.03, [5000.0], kind=kind)
    (plain,) = (d for d in strong(samples) if d.preamble is kind)
    (found,) = (d for d in strong(samples.conj()) if d.inverted)
    assert not plain.inverted and found.preamble is kind
    assert found.start == pytest.approx(plain.start, abs=1e-3) and found.cfo == pytest.approx(plain.cfo, abs=1e-6)


@pytest.mark.parametrize("cfo", [0.0, 0.013, -0.05, 0.1, -0.1])
def test_time_and_frequency(cfo):
    """Errors within twice what two delays give that each reach their CRLB, 1 / (2 pi beta sqrt(2 E/N0)).

    beta is the pulse's root-mean-square bandwidth, about 0.29 cycles a symbol, E/N0 that of one chirp, of
    which a share |cfo| at its end matches nothing. That end costs a bias, too, of up to 2e-4 cycles a symbol.
    """
    rng, es_n0_db, errors = np.random.default_rng(3), 3.0, []
    for _ in range(25):
        place = rng.uniform(4000, 9000)
        (d,) = strong(stream(rng, es_n0_db, cfo, [place]))
        errors.append(((d.start - place) / OSF, d.cfo - cfo))
    time, frequency = np.array(errors).T
    energy = LONG.chirp * 10 ** (es_n0_db / 10) * (1 - abs(cfo)) ** 2
    delay = 1 / (2 * np.pi * 0.29 * np.sqrt(2 * energy))  # symbols, of one chirp
    assert np.sqrt(np.mean(time**2)) < 1.5 * (1 + 10 * abs(cfo)) * delay / np.sqrt(2)
    assert np.std(frequency) < 2 * (1 + 10 * abs(cfo)) * delay / np.sqrt(2) / LONG.chirp
    assert abs(np.mean(frequency)) < 2e-4


@pytest.mark.parametrize("piece", [1, 7, 1024, 65_536])
def test_pieces_do_not_matter(piece):
    samples = stream(np.random.default_rng(4), 0, 0.02, [1234.5, 9000.25], 20_000)
    assert detections(samples, piece) == detections(samples)


def test_one_detection_a_preamble_wherever_it_stands():
    """At the very start and end of a stream, and one right behind another; at levels 60 dB apart."""
    first, last = float(pulse.DELAY), 20_000.0 - len(WAVE) + pulse.DELAY
    places = [first, first + OSF * len(PREAMBLE) + 40, 9000.75, last]
    for level in (1e-3, 1.0, 1e3):
        found = strong(stream(np.random.default_rng(5), 20, 0.01, places, level=level))
        assert [d.start for d in found] == pytest.approx(places, abs=0.2)


def test_weaker_neighbour_20_db_below():
    """A level step of 20 dB between two bursts hides neither."""
    rng = np.random.default_rng(6)
    both = stream(rng, np.inf, 0, [4000]) + 0.1 * stream(rng, np.inf, 0, [4000 + 2.1 * OSF * len(PREAMBLE)])
    both += (0.02 * complex_gaussian(rng, len(both))).astype(np.complex64)
    assert len(strong(both)) == 2


def disturbances(rng, samples):
    n = np.arange(samples)
    noise = complex_gaussian(rng, samples)
    steps = np.repeat(10 ** rng.uniform(-3, 3, samples // 3000 + 1), 3000)[:samples]
    qpsk = rng.choice([1, 1j, -1, -1j], samples // OSF - pulse.SPAN)
    chirp = np.exp(1j * np.pi * 5 * (n % 4096) ** 2 / 4096)
    yield "noise", noise
    yield "sine", np.exp(2j * np.pi * 0.0371 * n) + 1e-2 * noise
    yield "DC", 1 + 1e-3 * noise
    yield "level steps", steps * noise
    yield "sine in steps", steps * np.exp(2j * np.pi * 0.02 * n)
    sent = pulse.shape(qpsk)
    yield "QPSK", sent + 1e-2 * noise[: len(sent)]
    yield "another chirp", chirp
    yield "silence", 0 * noise


def check_quiet(samples):
    for name, disturbance in disturbances(np.random.default_rng(7), samples):
        found = detections(disturbance.astype(np.complex64))
        assert not [d for d in found if d.sure], name
        # each start has (2 * 62 + 1) * 2 hypotheses, and those of neighbouring samples are nearly one
        assert len(found) <= 5 + samples * 250 * detect.CANDIDATE, name


def test_nothing_else_is_a_burst():
    check_quiet(400_000)


@pytest.mark.slow
def test_nothing_else_is_a_burst_in_two_minutes():
    """120 s at 200 ksample/s of each."""
    check_quiet(24_000_000)


def test_fading_between_the_chirps():
    """One coefficient in 128 symbols, Rayleigh, mean Es/N0 of 4 dB: seven coefficients, at least 0.9 found."""
    rng, trials, gap = np.random.default_rng(8), 60, 5000
    samples = np.zeros(gap * (trials + 2), np.complex64)
    places = gap * np.arange(1, trials + 1)
    for place in places:
        h = np.repeat(complex_gaussian(rng, 7), 128)[: len(PREAMBLE)]
        samples[place - pulse.DELAY :][: len(WAVE)] += pulse.shape(h * PREAMBLE)
    samples = samples + 10 ** (-4 / 20) * complex_gaussian(rng, len(samples))
    starts = [d.start for d in detections(samples)]
    assert np.mean(np.abs(np.subtract.outer(places, starts)).min(1) < 2 * OSF) >= 0.9
