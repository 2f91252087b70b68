"""What a radio does to samples against theory: variances, the frequency of a tone, the error of interpolation."""

import numpy as np
import pytest

from gr_deepsc.phy import impair, pulse
from gr_deepsc.phy.channel import complex_gaussian, noise_variance
from gr_deepsc.phy.pulse import DELAY, SAMPLES_PER_SYMBOL


def db(ratio: float) -> float:
    return 10 * np.log10(ratio)


def tone(frequency: float, n: int) -> np.ndarray:
    """A tone of `frequency` cycles a sample."""
    return np.exp(2j * np.pi * frequency * np.arange(n)).astype(np.complex64)


def burst(t: np.ndarray) -> np.ndarray:
    """A waveform known at any time `t` (samples): 400 Gaussian pulses, as wide as a burst's spectrum.

    A pulse exp(-t^2 / (2 s^2)) has the spectrum exp(-2 (pi f s)^2); with s = 2 samples it is 17 dB down at the
    root-raised cosine's edge of 0.156 and 170 dB down at half the sample rate.
    """
    rng = np.random.default_rng(0)
    centres, values = rng.uniform(50, 950, 400), complex_gaussian(rng, 400)
    return np.exp(-(((t[:, None] - centres) / 2) ** 2) / 2) @ values


def error_db(received: np.ndarray, wanted: np.ndarray) -> float:
    return db(np.mean(np.abs(received - wanted) ** 2) / np.mean(np.abs(wanted) ** 2))


@pytest.mark.parametrize("es_n0_db", [-10.0, 0.0, 20.0])
def test_noise(es_n0_db):
    """CN(0, N0) a sample, half of it in I, half in Q, and still N0 a symbol behind the matched filter."""
    n, n0 = 400_000, noise_variance(es_n0_db)
    received = impair.noise(np.full(n, 3, np.complex64), n0, np.random.default_rng(1)) - 3
    assert received.dtype == np.complex64
    assert np.mean(np.abs(received) ** 2) == pytest.approx(n0, rel=4 / np.sqrt(n))
    assert np.mean(received.real**2) == pytest.approx(n0 / 2, rel=4 * np.sqrt(2 / n))
    assert abs(np.mean(received)) < 4 * np.sqrt(n0 / n)
    symbols = pulse.matched(received)[::SAMPLES_PER_SYMBOL]
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(n0, rel=4 / np.sqrt(len(symbols)))


@pytest.mark.parametrize("cfo", [0.1, -0.003, 0.0])
def test_frequency_offset(cfo):
    """cfo cycles a symbol are cfo / 4 a sample; the phase is as accurate after two million samples."""
    received = impair.frequency_offset(np.ones(2_000_000, np.complex64), cfo, phase=1.0)
    assert np.angle(received[0]) == pytest.approx(1.0, abs=1e-6)
    wide = received.astype(complex)
    turn = np.angle(np.vdot(wide[:-1], wide[1:]))
    assert turn == pytest.approx(2 * np.pi * cfo / 4, abs=1e-8)
    last = np.exp(1j * (1 + 2 * np.pi * cfo * 1_999_999 / 4))
    assert abs(received[-1] - last) < 1e-6 and received.dtype == np.complex64


@pytest.mark.parametrize("ppm", [0.0, 20.0, -20.0, 125.0, -200.0, 1000.0])
def test_clock_offset_of_a_tone(ppm):
    """A fast receiver clock: more samples, and a tone of f becomes f / (1 + ppm / 10^6)."""
    n, f, rate = 200_000, 0.15, 1 + ppm * 1e-6
    received = impair.clock_offset(tone(f, n), ppm)
    assert len(received) == int((n - 1) * rate) + 1 and received.dtype == np.complex64
    assert error_db(received[100:-100], tone(f / rate, len(received))[100:-100]) < -80
    middle = received[100:-100].astype(complex)
    assert np.angle(np.vdot(middle[:-1], middle[1:])) == pytest.approx(2 * np.pi * f / rate, abs=1e-7)


@pytest.mark.parametrize("frequency, bound", [(0.1, -100), (0.156, -80), (0.18, -72), (0.2, -65), (0.35, -26)])
def test_interpolation_error(frequency, bound):
    """What the module says of its spline; 0.18 is the pulse's edge moved by a CFO of a tenth of the symbol rate."""
    n, rate = 20_000, 1 + 1e-3
    received = impair.clock_offset(tone(frequency, n), 1000.0)
    assert error_db(received[100:-100], tone(frequency / rate, len(received))[100:-100]) < bound


@pytest.mark.parametrize("ppm", [200.0, -1000.0, 30_000.0])
def test_clock_offset_of_a_burst(ppm):
    """A wide-band waveform with silence around it, against its own formula."""
    received = impair.clock_offset(burst(np.arange(1000)), ppm)
    assert error_db(received, burst(np.arange(len(received)) / (1 + ppm * 1e-6))) < -85


def test_clock_offset_of_symbols():
    """200 ppm over 5,000 symbols, a drift of four samples: taken back, the symbols are where they were."""
    sent = complex_gaussian(np.random.default_rng(2), 5000).astype(np.complex64)
    samples = pulse.shape(sent)
    back = impair.clock_offset(impair.clock_offset(samples, 200.0), (1 / (1 + 200e-6) - 1) * 1e6)
    assert len(samples) - 1 <= len(back) <= len(samples)
    assert error_db(back, samples[: len(back)]) < -60


@pytest.mark.parametrize("d", [0.0, 3.0, 0.5, 0.013, 7.25, 20.9])
def test_delay(d):
    received = impair.delay(burst(np.arange(1000)), d)
    assert len(received) == 1000 + np.ceil(d) and received.dtype == np.complex64
    assert not received[: int(d)].any()
    assert error_db(received, burst(np.arange(len(received)) - d)) < -85


def test_whole_delay_is_exact():
    samples = complex_gaussian(np.random.default_rng(3), 100).astype(np.complex64)
    assert np.array_equal(impair.delay(samples, 5), np.concatenate([np.zeros(5), samples]))


def test_delay_moves_the_symbols():
    """A quarter of a symbol is one sample: the peak is found where it was put, to a hundredth of a sample."""
    for d in np.arange(0, 4, 0.1):
        z = np.abs(pulse.matched(impair.delay(pulse.shape(np.ones(1)), d)))
        k = int(np.argmax(z))
        peak = k + (z[k + 1] - z[k - 1]) / (2 * (2 * z[k] - z[k - 1] - z[k + 1]))
        assert peak == pytest.approx(DELAY + d, abs=0.01)


@pytest.mark.parametrize("bits", [8, 12, 14])
def test_quantiser_noise_of_a_sine(bits):
    """A sine over the whole range: 6.02 b + 1.76 dB (Bennett, Bell Syst. Tech. J. 27, 1948).

    Half a step is left for the largest code; at 8 bits the sine's peak, always at the edge of that step, costs 0.2.
    """
    samples = tone(0.1234567, 200_000) * (1 - 2.0**-bits)
    received = impair.quantise(samples, bits)
    assert -error_db(received, samples) == pytest.approx(6.02 * bits + 1.76, abs=0.2 if bits == 8 else 0.1)
    assert len(np.unique(received.real)) == 2**bits


@pytest.mark.parametrize("bits", [2, 4, 8, 12])
def test_quantiser_noise(bits):
    """A uniform signal inside the range: an error of variance step^2 / 12 in I and in Q, whatever the bits."""
    rng, n = np.random.default_rng(6), 200_000
    step = 2.0 ** (1 - bits)
    samples = (rng.uniform(-1 - step / 2, 1 - step / 2, (n, 2)).astype(np.float32)).view(np.complex64)[:, 0]
    error = impair.quantise(samples, bits) - samples
    assert np.mean(error.real**2) == pytest.approx(step**2 / 12, rel=0.01)
    assert np.mean(error.imag**2) == pytest.approx(step**2 / 12, rel=0.01)


def test_quantiser_codes():
    """Two's complement: silence stays silent, the top code is one step short and what exceeds it saturates."""
    samples = np.array([0, 0.01, 1.0, -1.0, 5 - 5j, 0.25 + 0.5j], np.complex64)
    received = impair.quantise(samples, bits=3, full_scale=1.0)
    assert np.array_equal(received, np.array([0, 0, 0.75, -1, 0.75 - 1j, 0.25 + 0.5j], np.complex64))
    assert np.array_equal(impair.quantise(4 * samples, 3, full_scale=4.0), 4 * received)


def test_clip():
    """No magnitude above the level, the phase as it was, what is below untouched; 0 stays 0."""
    samples = complex_gaussian(np.random.default_rng(4), 50_000).astype(np.complex64)
    samples[0] = 0
    level = float(np.quantile(np.abs(samples), 0.9))
    received = impair.clip(samples, level)
    loud = np.abs(samples) > level
    assert np.mean(loud) == pytest.approx(0.1, abs=1e-4)
    # |x|^2 of CN(0, 1) is exponential: a tenth exceeds ln 10.
    assert level**2 == pytest.approx(np.log(10), rel=0.03)
    assert np.abs(received).max() <= level * (1 + 1e-6)
    assert np.array_equal(received[~loud], samples[~loud])
    assert np.allclose(np.angle(received[1:]), np.angle(samples[1:]), atol=1e-6)


def test_drop():
    samples = np.arange(10).astype(np.complex64)
    assert impair.drop(samples, at=3, count=4).real.tolist() == [0, 1, 2, 7, 8, 9]
    assert np.array_equal(impair.drop(samples, 10, 0), samples)


def test_dc_offset():
    assert impair.dc_offset(np.zeros(3, np.complex64), 0.1 - 0.2j).tolist() == [np.complex64(0.1 - 0.2j)] * 3


@pytest.mark.parametrize("gain_db, phase_deg", [(0.0, 0.0), (1.0, 0.0), (0.0, 5.0), (-0.5, 3.0)])
def test_iq_imbalance(gain_db, phase_deg):
    """The image of a tone: (1 - 2 g cos phi + g^2) / (1 + 2 g cos phi + g^2) of its power (Valkama et al.)."""
    n, g, phi = 8192, 10 ** (gain_db / 20), np.deg2rad(phase_deg)
    samples = tone(512 / n, n)
    received = impair.iq_imbalance(samples, gain_db, phase_deg)
    spectrum = np.abs(np.fft.fft(received)) ** 2
    theory = (1 - 2 * g * np.cos(phi) + g**2) / (1 + 2 * g * np.cos(phi) + g**2)
    assert spectrum[-512] / spectrum[512] == pytest.approx(theory, rel=1e-3, abs=1e-12)
    assert np.allclose(received.real, samples.real, atol=1e-6)
    wanted = g * (np.cos(phi) * samples.imag - np.sin(phi) * samples.real)
    assert np.allclose(received.imag, wanted, atol=1e-6)


@pytest.mark.parametrize(
    "impairment",
    [
        lambda x: impair.noise(x, 0.0, np.random.default_rng(0)),
        lambda x: impair.frequency_offset(x, 0.0),
        lambda x: impair.clock_offset(x, 0.0),
        lambda x: impair.delay(x, 0.0),
        lambda x: impair.clip(x, np.inf),
        lambda x: impair.iq_imbalance(x, 0.0, 0.0),
        lambda x: impair.dc_offset(x, 0),
    ],
)
@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_nothing_to_impair(impairment, n):
    """An impairment of nothing changes nothing, whatever the length, and the input is never written to."""
    samples = complex_gaussian(np.random.default_rng(5), n).astype(np.complex64)
    before = samples.copy()
    received = impairment(samples)
    assert received.dtype == np.complex64 and np.allclose(received, samples, atol=1e-6)
    assert received.shape == samples.shape and np.array_equal(samples, before)


@pytest.mark.parametrize(
    "impairment",
    [
        lambda x: impair.delay(x, -0.5),
        lambda x: impair.delay(x, np.inf),
        lambda x: impair.clock_offset(x, -1e6),
        lambda x: impair.quantise(x, 0),
        lambda x: impair.quantise(x, 8, full_scale=0.0),
        lambda x: impair.drop(x, 8, 3),
        lambda x: impair.drop(x, -1, 3),
        lambda x: impair.drop(x, 3, -1),
    ],
)
def test_refused(impairment):
    with pytest.raises(ValueError, match=r"must be|at least|are not"):
        impairment(np.zeros(10, np.complex64))
