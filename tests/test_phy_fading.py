"""Fading channels against theory: power, distribution, autocorrelation and the delay of the second path."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import j0

from gr_deepsc.phy import channel, fading
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.phy.pulse import SAMPLES_PER_SYMBOL

DRAWS = 400  # of a process: the standard error of a mean of |h|^2, or of h, is 1 / sqrt(DRAWS) = 0.05
ERROR = 1 / np.sqrt(DRAWS)


def autocorrelation(h: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """E h(t) h*(t + lag) by the mean over time."""
    return np.array([np.mean(h[: len(h) - lag] * h[lag:].conj()) for lag in lags])


def realisations(process, *args) -> np.ndarray:
    """[DRAWS, n], each independent of the others."""
    return np.array([process(*args, np.random.default_rng(seed)) for seed in range(DRAWS)])


@pytest.mark.parametrize("offset", [0, 100, 512, -3, 5000])
def test_blocks_of_samples(offset):
    """h holds for 128 symbols of 4 samples, a block starts at `offset`, and y = h x."""
    sent = complex_gaussian(np.random.default_rng(0), 2000).astype(np.complex64)
    received, h = fading.block_fading(sent, "rayleigh", np.random.default_rng(1), offset=offset)
    assert np.allclose(received, sent * h, atol=1e-6)
    assert received.dtype == h.dtype == np.complex64
    starts = np.flatnonzero(np.diff(h)) + 1
    assert starts.tolist() == [k for k in range(1, 2000) if (k - offset) % 512 == 0]


@pytest.mark.parametrize("kind", channel.KINDS)
def test_blocks_are_the_papers(kind):
    """The coefficients are `channel.fading`'s, one a block; n samples of unit power keep it."""
    n, block = 40_000, 2
    _, h = fading.block_fading(np.ones(n, np.complex64), kind, np.random.default_rng(2), block, rician_k=4.0)
    wanted = channel.fading(kind, n // (block * SAMPLES_PER_SYMBOL), np.random.default_rng(2), 4.0)
    assert np.allclose(h[:: block * SAMPLES_PER_SYMBOL], wanted, atol=1e-6)
    assert np.mean(np.abs(h) ** 2) == pytest.approx(1, abs=4 / np.sqrt(len(wanted)))


@pytest.mark.parametrize("doppler", [0.001, 0.01, 0.1])
def test_clarke_autocorrelation(doppler):
    """J0(2 pi fD T) up to 3 Doppler cycles, measured over 2,000.

    The estimate's variance is the integral of |r|^2 over the time (Bartlett), which grows with the logarithm of
    the time for a J0: log(2,000) / pi^2 and a little, less than 2 cycles.
    """
    cycles, symbols = 2000, 2000 / doppler
    h = fading.clarke(int(symbols * SAMPLES_PER_SYMBOL), doppler, np.random.default_rng(3))
    lags = np.round(np.array([0, 0.1, 0.2, 0.38, 0.6, 1.0, 1.5, 3.0]) / doppler * SAMPLES_PER_SYMBOL).astype(int)
    theory = j0(2 * np.pi * doppler / SAMPLES_PER_SYMBOL * lags)
    assert np.abs(autocorrelation(h, lags) - theory).max() < 4 * np.sqrt(2 / cycles)


def test_clarke_ensemble():
    """Over the draws, each sample is CN(0, 1): no draw is normalised by itself, and none is like another."""
    h = realisations(fading.clarke, 1200, 0.01)
    assert np.mean(np.abs(h[:, ::400]) ** 2, 0) == pytest.approx(1, abs=4 * ERROR)
    assert stats.kstest(np.abs(h[:, 0]), stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 0.01
    assert stats.kstest(np.angle(h[:, -1]), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01
    across = np.mean(h[:, 0] * h[:, 400].conj())  # a Doppler cycle apart
    assert across == pytest.approx(j0(2 * np.pi), abs=4 * ERROR)


def test_clarke_spectrum():
    """Nothing above the largest Doppler shift, and most of the power close to it."""
    n, doppler = 400_000, 0.05
    h = fading.clarke(n, doppler, np.random.default_rng(4))
    spectrum = np.abs(np.fft.fft(h * np.hanning(n))) ** 2
    f = np.abs(np.fft.fftfreq(n)) * SAMPLES_PER_SYMBOL
    assert spectrum[f > 1.1 * doppler].sum() < 10**-4 * spectrum.sum()
    # Arcsine law: P(|f| < fD / 2) = 2 / pi asin(1 / 2) = 1 / 3. 10,000 cycles hold about as many terms.
    assert spectrum[f < doppler / 2].sum() / spectrum.sum() == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("k", [0.0, 1.0, 10.0])
def test_doppler_fading(k):
    """Unit mean power whatever K is, a mean of sqrt(K / (K + 1)), and y = h x."""
    sent = complex_gaussian(np.random.default_rng(5), 50).astype(np.complex64)
    runs = [fading.doppler_fading(sent, 0.01, np.random.default_rng(seed), rician_k=k) for seed in range(DRAWS)]
    h = np.array([run.csi[0] for run in runs])
    assert np.mean(np.abs(h) ** 2) == pytest.approx(1, abs=4 * ERROR)
    assert np.mean(h) == pytest.approx(np.sqrt(k / (k + 1)), abs=4 * ERROR)
    assert np.allclose(runs[0].samples, sent * runs[0].csi, atol=1e-6)
    assert runs[0].samples.dtype == runs[0].csi.dtype == np.complex64


@pytest.mark.parametrize("process", [fading.clarke, fading.gaussian])
def test_no_doppler(process):
    """Without Doppler one CN(0, 1) holds for the whole burst; with very little it hardly moves."""
    h = realisations(process, 8, 0.0)
    assert np.allclose(h, h[:, :1])
    assert np.mean(np.abs(h[:, 0]) ** 2) == pytest.approx(1, abs=4 * ERROR)
    slow = process(10_000, 1e-8, np.random.default_rng(6))
    assert np.abs(slow - slow[0]).max() < 0.01


@pytest.mark.parametrize("spread", [0.002, 0.02])
def test_gaussian_autocorrelation(spread):
    """exp(-2 (pi sigma T)^2) with sigma = spread / 2; the estimate's variance is the integral of |r|^2 over the time.

    That integral is 1 / (2 sqrt(pi) sigma) symbols.
    """
    symbols, sigma = 2000 / spread, spread / 2
    g = fading.gaussian(int(symbols) * SAMPLES_PER_SYMBOL, spread, np.random.default_rng(7))
    deviation = np.sqrt(1 / (2 * np.sqrt(np.pi) * sigma) / symbols)
    times = np.array([0, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0]) / spread
    measured = autocorrelation(g, np.round(times * SAMPLES_PER_SYMBOL).astype(int))
    assert np.abs(measured - np.exp(-2 * (np.pi * sigma * times) ** 2)).max() < 4 * deviation


def test_gaussian_spread():
    """The standard deviation of the Doppler spectrum is half of the spread: ITU-R F.1487's 2 sigma."""
    n, spread = 400_000, 0.05
    g = fading.gaussian(n, spread, np.random.default_rng(8))
    spectrum = np.abs(np.fft.fft(g)) ** 2
    f = np.fft.fftfreq(n) * SAMPLES_PER_SYMBOL
    inside = np.abs(f) < 5 * spread / 2  # a spline's images would weigh in by their distance
    sigma = np.sqrt(np.sum(spectrum[inside] * f[inside] ** 2) / np.sum(spectrum[inside]))
    assert sigma == pytest.approx(spread / 2, rel=0.05)


@pytest.mark.parametrize("name", fading.PROFILES)
def test_watterson_impulse(name):
    """An impulse comes back twice, `delay` apart, each path CN(0, 1/2) and independent of the other."""
    symbol_rate = 1000.0
    late = fading.PROFILES[name].delay * symbol_rate * SAMPLES_PER_SYMBOL
    impulse = np.array([1, 0, 0, 0], np.complex64)
    y = realisations(lambda rng: fading.watterson(impulse, symbol_rate, name, rng))
    assert y.shape == (DRAWS, 4 + late) and y.dtype == np.complex64
    power, bound = np.mean(np.abs(y) ** 2, 0), 4 * 0.5 * ERROR
    assert power[[0, int(late)]] == pytest.approx(0.5, abs=bound)
    assert np.delete(power, [0, int(late)]).max() < 1e-10
    assert abs(np.mean(y[:, 0] * y[:, int(late)].conj())) < bound


def test_watterson_power():
    """Unit mean power for a signal that fills its band, at a delay that is no whole number of samples."""
    sent = complex_gaussian(np.random.default_rng(9), 400).astype(np.complex64)
    sent = np.convolve(sent, np.hanning(9) / np.sqrt(np.sum(np.hanning(9) ** 2)))
    energy = np.sum(np.abs(sent) ** 2)
    y = realisations(lambda rng: fading.watterson(sent, 50_000.0, (1.23e-5, 400.0), rng))
    gain = np.sum(np.abs(y) ** 2, 1) / energy
    assert y.shape[1] == len(sent) + 3
    assert np.mean(gain) == pytest.approx(1, abs=4 * np.std(gain) * ERROR)


def test_watterson_doppler():
    """A carrier over mpp at 100 symbols/s: spread 1 Hz, so a correlation of exp(-pi^2 / 2 t^2) after t seconds."""
    seconds, symbol_rate = 4000, 100.0
    sent = np.ones(int(seconds * symbol_rate) * SAMPLES_PER_SYMBOL, np.complex64)
    y = fading.watterson(sent, symbol_rate, "mpp", np.random.default_rng(10))[1 : len(sent)]
    t = np.array([0, 0.1, 0.25, 0.5, 1.0])
    measured = autocorrelation(y, (t * symbol_rate * SAMPLES_PER_SYMBOL).astype(int))
    assert np.abs(measured - np.exp(-((np.pi * t) ** 2) / 2)).max() < 4 * np.sqrt(1 / np.sqrt(np.pi) / seconds)


def test_seeded():
    """The generator is the only source of randomness."""
    sent = np.ones(1000, np.complex64)
    for channel_of in (
        lambda rng: fading.block_fading(sent, "rayleigh", rng).samples,
        lambda rng: fading.doppler_fading(sent, 0.01, rng).samples,
        lambda rng: fading.watterson(sent, 1000.0, "mpd", rng),
    ):
        first, again, other = (channel_of(np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_empty():
    nothing, rng = np.zeros(0, np.complex64), np.random.default_rng(0)
    assert len(fading.block_fading(nothing, "rician", rng).samples) == 0
    assert len(fading.doppler_fading(nothing, 0.01, rng).csi) == 0
    assert not fading.watterson(nothing, 1000.0, "mpg", rng).any()


@pytest.mark.parametrize(
    "faded",
    [
        lambda x, rng: fading.block_fading(x, "nakagami", rng),
        lambda x, rng: fading.block_fading(x, "rayleigh", rng, block=0),
        lambda x, rng: fading.doppler_fading(x, -0.1, rng),
        lambda x, rng: fading.doppler_fading(x, 0.1, rng, rician_k=-1.0),
        lambda x, rng: fading.watterson(x, 1000.0, "mp", rng),
        lambda x, rng: fading.watterson(x, 0.0, "mpg", rng),
        lambda x, rng: fading.watterson(x, 1000.0, (-1e-3, 1.0), rng),
        lambda x, rng: fading.watterson(x, 1000.0, (1e-3, -1.0), rng),
    ],
)
def test_refused(faded):
    with pytest.raises(ValueError, match=r"must be|is none of"):
        faded(np.ones(100, np.complex64), np.random.default_rng(0))
