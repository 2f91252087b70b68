"""Samples lost inside a burst are found and put back; what is no loss is not taken for one."""

import numpy as np
import pytest
from radio_points import SILENCE, one, wave

from gr_deepsc.phy import burst, fading, header, impair, realign, receiver
from gr_deepsc.phy.air import Air
from gr_deepsc.phy.channel import complex_gaussian, noise_variance
from gr_deepsc.phy.preamble import SHORT


def heard(path, es_n0_db: float = 6.0, frames: int = 120, seed: int = 1):
    """The burst, and the payload that was sent."""
    rng = np.random.default_rng(seed)
    payload = complex_gaussian(rng, 20 * frames).astype(np.complex64)
    head, samples = wave(rng, payload, 1)
    return one(impair.noise(path(samples, rng), noise_variance(es_n0_db), rng), head), payload


@pytest.mark.parametrize("lost", [20, 100, 2000, 4000])
@pytest.mark.parametrize("cfo, ppm", [(0.0, 0.0), (0.03, 100.0)])
def test_the_rest_is_put_in_its_place(lost, cfo, ppm):
    path = lambda s, rng: impair.drop(  # noqa: E731
        impair.frequency_offset(impair.clock_offset(s, ppm), cfo), SILENCE + 5000, lost
    )
    found, payload = heard(path)
    assert found.realigned == pytest.approx(lost, abs=1)
    none = found.reliability == 0
    # the gap, and the symbols between the pilots around it
    assert lost / 4 * 16 / 17 - 2 <= none.sum() <= lost / 4 + 17 + 2
    error = np.mean(np.abs(found.symbols - payload)[~none] ** 2)
    # 1 / (1 + 4) at 6 dB with ideal CSI; half as much again for the estimates, and a sample too many or too few
    assert error < 0.3
    assert found.received == 1


@pytest.mark.parametrize("seed", [6, 12, 13])
def test_lost_pilots_have_no_say(seed):
    """4000 samples are 41 pilots more than 1211, by which the sequence looks the same; what was lost tells nothing."""
    found, _ = heard(lambda s, rng: impair.drop(s, SILENCE + 5000, 4000), seed=seed)
    assert found.realigned == pytest.approx(4000, abs=1)


def test_two_losses():
    path = lambda s, rng: impair.drop(impair.drop(s, SILENCE + 4500, 50), SILENCE + 9000, 300)  # noqa: E731
    found, payload = heard(path, frames=200)
    assert found.realigned == pytest.approx(350, abs=2)
    assert np.mean(np.abs(found.symbols - payload)[found.reliability > 0] ** 2) < 0.3


@pytest.mark.parametrize(
    "path",
    [
        lambda s, rng: s,
        lambda s, rng: impair.clock_offset(s, 300),
        lambda s, rng: Air("rayleigh", 99)(s, rng),
        lambda s, rng: fading.watterson(s, 1200.0, "mpg", rng),
        lambda s, rng: s * np.exp(1j * np.pi * 20 / 4800**2 * np.arange(len(s)) ** 2),  # 20 Hz/s at 1200 a second
    ],
    ids=["awgn", "300 ppm", "rayleigh", "mpg", "drift"],
)
@pytest.mark.parametrize("seed", [2, 3])
def test_what_is_no_loss(path, seed):
    found, _ = heard(path, seed=seed)
    assert found.realigned == 0


def test_evidence_over_noise_has_mean_one():
    """E exp(e) = 1: what the false-alarm probability rests on. exp(3/4 u) of an exponential u has a heavy tail: below
    a quarter with its 2 * 10^5 draws all the same."""
    c = complex_gaussian(np.random.default_rng(5), realign.GROUP * 200_000).reshape(realign.GROUP, -1)
    e = realign._evidence(realign._unlikely(c))
    assert np.mean(np.exp(e)) == pytest.approx(1, abs=0.25)
    assert np.mean(realign._unlikely(c)) == pytest.approx(1, abs=0.02)  # Beta(1, K - 1)


def test_bursts_back_to_back():
    """Forty bursts without noise and without a pause: behind each are another one's symbols, no pilots of its own, and
    each is read as it came. A search for losses among them once called itself for ever."""
    rng, parts = np.random.default_rng(3), []
    for k in range(40):
        frames = int(rng.integers(8, 40))
        head = header.Header(10, 0, k % 32, 0, True, frames)
        payload = complex_gaussian(rng, 20 * frames).astype(np.complex64)
        parts.append(burst.modulate(head, payload, SHORT))
    modem = receiver.BurstReceiver(symbol_rate=5000.0)
    events = modem.push(np.concatenate(parts))
    events += modem.flush()
    assert [event.realigned for event in events] == [0] * 40
