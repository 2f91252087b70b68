"""The pulse against theory: unit energy, no intersymbol interference, its spectrum's edge."""

import numpy as np
import pytest

from gr_deepsc.phy import pulse
from gr_deepsc.phy.channel import complex_gaussian


def test_symbols_come_back():
    """A pair of root-raised cosines is Nyquist; cutting them to 16 symbols leaves ISI below -40 dB."""
    sent = complex_gaussian(np.random.default_rng(0), 2000).astype(np.complex64)
    z = pulse.matched(pulse.shape(sent))[pulse.DELAY :: pulse.SAMPLES_PER_SYMBOL][: len(sent)]
    assert 10 * np.log10(np.mean(np.abs(z - sent) ** 2)) < -40


def test_noise_keeps_its_variance():
    """Taps of unit energy: N0 a sample in, N0 a symbol out, uncorrelated from symbol to symbol."""
    noise = complex_gaussian(np.random.default_rng(1), 400_000).astype(np.complex64)
    z = pulse.matched(noise)[:: pulse.SAMPLES_PER_SYMBOL]
    assert np.sum(pulse.TAPS.astype(float) ** 2) == pytest.approx(1, abs=1e-6)
    assert np.mean(np.abs(z) ** 2) == pytest.approx(1, abs=4 / np.sqrt(len(z)))
    assert abs(np.mean(z[1:] * z[:-1].conj())) < 4 / np.sqrt(len(z))


def test_spectrum_ends_at_its_edge():
    """Nothing above (1 + roll-off) / 2 cycles a symbol: -35 dB there and 99.9 % of the power inside."""
    response = np.abs(np.fft.rfft(pulse.TAPS, 4096)) ** 2
    frequency = np.arange(len(response)) / 4096 * pulse.SAMPLES_PER_SYMBOL
    edge = (1 + pulse.ROLL_OFF) / 2
    assert response[frequency > 1.1 * edge].max() < 10**-3.5 * response[0]
    assert response[frequency <= edge].sum() / response.sum() > 0.999
    assert response[np.searchsorted(frequency, 0.5)] == pytest.approx(response[0] / 2, rel=0.05)
