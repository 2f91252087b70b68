"""A carrier that drifts, a channel that fades fast: whole bursts against the numbers without either."""

import numpy as np
import pytest
import radio_points

from gr_deepsc.phy import fading, impair
from gr_deepsc.phy.air import Air
from gr_deepsc.phy.channel import complex_gaussian, noise_variance

AUDIO = 20 / 1200**2  # cycles a symbol^2: 20 Hz/s at 1200 symbols a second


@pytest.mark.parametrize(("frames", "drift"), [(50, AUDIO), (50, -AUDIO), (375, -AUDIO)])
@pytest.mark.parametrize("es_n0_db", [6, 20])
def test_a_drift_costs_nothing(frames, drift, es_n0_db):
    """2 s and 15 s: at the end of the longest burst the carrier has moved by 12 % of the symbol rate. The drift is one
    more parameter, of some 1,300 known symbols: 0.1 dB is more than it may cost. (At 20 dB the clock's error is another
    one each time: 20 ppm, by which pilots hear their neighbours.)"""

    def moving(samples, rng):
        return Air("awgn", es_n0_db, cfo=-700 * drift, drift=drift, delay=rng.uniform(0, 4))(samples, rng)

    def still(samples, rng):
        return Air("awgn", es_n0_db, delay=rng.uniform(0, 4))(samples, rng)

    bursts = 4 if frames > 100 else 8
    got, lost = radio_points.effective(moving, frames, bursts, 1)
    wanted, _ = radio_points.effective(still, frames, bursts, 1)
    assert lost == 0 and got == pytest.approx(wanted, abs=0.1 if es_n0_db < 20 else 0.3)


def test_the_drift_is_told():
    """To within 2 % of 20 Hz/s; the bound for a line of as many symbols as the burst has, known ones spread evenly over
    it, is sqrt(90 N0 / E) / (pi L^2) = 5e-8 (Kay, Fundamentals of Statistical Signal Processing, 1993, chapter 3)."""
    rng = np.random.default_rng(2)
    payload = complex_gaussian(rng, 1000).astype(np.complex64)
    head, samples = radio_points.wave(rng, payload)
    found = radio_points.one(Air("awgn", 6, cfo=-0.01, drift=AUDIO)(samples, rng), head)
    assert found.drift == pytest.approx(AUDIO, abs=3e-7)


@pytest.mark.parametrize("doppler", [5, 10])
def test_fast_fading(doppler):
    """Jakes at 1200 symbols a second, 6 dB: the mean error with ideal CSI over Rayleigh fading is
    g e^g E1(g) = 0.335 at g = 1 / 4; pilots every 17 symbols, 0.14 cycles, leave it within a third more."""

    def path(samples, rng):
        faded = fading.doppler_fading(samples, doppler / 1200, rng).samples
        return impair.noise(faded, noise_variance(6), rng)

    got, lost = radio_points.effective(path, 75, 12, 3)
    assert lost == 0 and 1 / (1 + 10 ** (got / 10)) < 0.335 * 4 / 3
