"""The equalisers against the statistics that the receiver model is trained to expect."""

import numpy as np
import pytest

from gr_deepsc.phy import channel, equalise


@pytest.mark.parametrize("es_n0_db", [-6.0, 0.0, 10.0])
@pytest.mark.parametrize("h", [1.0, 0.3 - 0.4j, 2j])
def test_mmse_statistics(es_n0_db, h):
    """For a given h: E[z|x] = rho x and E|z - rho x|^2 = rho (1 - rho)."""
    n = 200_000
    rng = np.random.default_rng(1)
    x = np.full(n, np.exp(0.7j), np.complex64)
    n0 = channel.noise_variance(es_n0_db)
    y = h * x + np.sqrt(n0) * channel.complex_gaussian(rng, n)
    z, rho = equalise.mmse(y.astype(np.complex64), np.full(n, h, np.complex64), n0)

    expected = (abs(h) ** 2 / n0) / (1 + abs(h) ** 2 / n0)
    variance = expected * (1 - expected)
    np.testing.assert_allclose(rho, expected, rtol=1e-5)
    assert abs(np.mean(z) - expected * x[0]) < 4 * np.sqrt(variance / n)
    assert np.mean(np.abs(z - rho * x) ** 2) == pytest.approx(variance, rel=4 / np.sqrt(n))


def test_mmse_beats_zero_forcing():
    """The mean square error is 1 - rho on average over Rayleigh fades; zero forcing's has no finite mean."""
    rng = np.random.default_rng(2)
    x = channel.complex_gaussian(rng, 200_000).astype(np.complex64)
    y, h, n0 = channel.transmit(x, "rayleigh", 0.0, rng, block=1)
    z, rho = equalise.mmse(y, h, n0)
    error = np.mean(np.abs(z - x) ** 2)
    assert error == pytest.approx(np.mean(1 - rho), rel=0.02)
    assert np.mean(np.abs(equalise.zero_forcing(y, h)[0] - x) ** 2) > 5 * error


def test_zero_forcing():
    """z = y / h exactly, taken at face value."""
    rng = np.random.default_rng(3)
    x = channel.complex_gaussian(rng, 1_000).astype(np.complex64)
    y, h, _ = channel.transmit(x, "rayleigh", np.inf, rng)
    z, rho = equalise.zero_forcing(y, h)
    assert np.abs(z - x).max() < 1e-5 and np.all(rho == 1) and rho.dtype == np.float32


@pytest.mark.parametrize("n0", [0.0, 0.1])
def test_dead_symbols(n0):
    """h = 0 carries nothing: z = 0 with rho = 0, no infinity and no warning."""
    y, h = np.ones(4, np.complex64), np.array([1, 0, 1, 0], np.complex64)
    for z, rho in (equalise.mmse(y, h, n0), equalise.zero_forcing(y, h)):
        assert np.isfinite(z).all() and np.array_equal(z == 0, h == 0) and np.array_equal(rho == 0, h == 0)
        assert z.dtype == np.complex64 and rho.dtype == np.float32
