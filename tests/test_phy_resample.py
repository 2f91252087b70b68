"""Streams from one rate and carrier to another: what scipy makes of the whole, in pieces of any size."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from gr_deepsc.phy.interpolate import Interpolator, resampler
from gr_deepsc.phy.resample import KAISER_BETA, Mixer, Resampler


def in_pieces(samples, sizes, ratio):
    resampler, k, out = Resampler(ratio), 0, []
    for size in sizes:
        out.append(resampler.push(samples[k : k + size]))
        k += size
    return np.concatenate([*out, resampler.push(samples[k:]), resampler.flush()])


@pytest.mark.parametrize("up, down", [(1, 10), (10, 1), (25, 256), (3, 2), (147, 160), (1, 1)])
def test_as_scipy_whatever_the_pieces(up, down):
    """Bit for bit the same in pieces of 7, of 1,024 and whole; scipy's own numbers but for float32 rounding."""
    rng = np.random.default_rng(1)
    samples = (rng.standard_normal(5003) + 1j * rng.standard_normal(5003)).astype(np.complex64)
    whole = in_pieces(samples, [], up / down)
    for sizes in ([7] * 700, [1024] * 4, [1] * 300):
        np.testing.assert_array_equal(in_pieces(samples, sizes, up / down), whole)
    np.testing.assert_allclose(whole, resample_poly(samples, up, down, window=("kaiser", KAISER_BETA)), atol=3e-6)


def test_a_tone_is_moved_and_keeps_its_level():
    """e^(j 2 pi 0.03 n) at a tenth of the rate, moved by -0.02: e^(j 2 pi 0.1 m)."""
    n = np.arange(20_000)
    mixer, resampler = Mixer(-0.02), Resampler(0.1)
    pieces = np.array_split(np.exp(2j * np.pi * 0.03 * n), 13)
    tone = np.concatenate([resampler.push(mixer.push(piece)) for piece in pieces])
    expected = np.exp(2j * np.pi * 0.1 * np.arange(len(tone)))
    np.testing.assert_allclose(tone[20:], expected[20:], atol=2e-3)  # 0.02 dB


# of a KiwiSDR's audio, a HackRF and an odd USRP down to the modem's, of another audio up to a sound card's
RATIOS = [4800 / 12_001, 4800 / 11_998, 200_000 / 200_001.3, 200_000 / 2_400_001, 48_000 / 12_001, 4800 / 48_000.7]


def made(resampler, samples, size=None):
    pieces = np.split(samples, range(size, len(samples), size)) if size else [samples]
    return np.concatenate([*map(resampler.push, pieces), resampler.flush()])


@pytest.mark.parametrize("ratio", RATIOS)
def test_field_any_ratio_keeps_a_tone(ratio):
    """Output k is e^(j 2 pi f k / ratio) over all of a burst's band: level within 0.001 dB, all else 96 dB below."""
    for share in (-1 / 6, -0.09, 0.01, 1 / 6):
        f, count = share * min(1, ratio), 4000 + round(4000 / ratio)
        out = made(Interpolator(ratio), np.exp(2j * np.pi * f * np.arange(count)).astype(np.complex64))
        assert len(out) == np.ceil(count * ratio)
        tone = np.exp(2j * np.pi * f * np.arange(len(out)) / ratio)
        middle = slice(len(out) // 4, -len(out) // 4)
        gain = np.vdot(tone[middle], out[middle]) / len(out[middle])
        assert abs(gain - 1) < 1e-4
        rest = np.mean(np.abs(out[middle] - gain * tone[middle]) ** 2)
        assert 10 * np.log10(rest) < -96


@pytest.mark.parametrize("ratio", [ratio for ratio in RATIOS if ratio < 1 / 2])
def test_field_any_ratio_folds_nothing_into_the_band(ratio):
    """Tones that lie a burst's width or less beside the new rate, or anywhere beyond, come out 96 dB lower."""
    for f in np.linspace(5 / 6 * ratio, 0.5, 9):
        out = made(Interpolator(ratio), np.exp(2j * np.pi * f * np.arange(round(8000 / ratio))).astype(np.complex64))
        spectrum = np.abs(np.fft.fft(out[1000:-1000] * np.kaiser(len(out) - 2000, 14))) ** 2
        inside = np.abs(np.fft.fftfreq(len(spectrum))) < 1 / 6
        power = spectrum[inside].sum() / len(spectrum) / np.sum(np.kaiser(len(spectrum), 14) ** 2)
        assert 10 * np.log10(power + 1e-20) < -96


@pytest.mark.parametrize("ratio", RATIOS)
def test_field_any_ratio_whatever_the_pieces(ratio):
    """Bit for bit."""
    rng = np.random.default_rng(1)
    samples = (rng.standard_normal(5003) + 1j * rng.standard_normal(5003)).astype(np.complex64)
    whole = made(Interpolator(ratio), samples)
    for size in (1, 7, 1024):
        np.testing.assert_array_equal(made(Interpolator(ratio), samples, size), whole)


def test_field_whole_numbers_where_they_will_do():
    """1 ppm beside 4/5 is nothing to a receiver that follows 300 ppm; 12001 is 83 ppm beside what there is."""
    for ratio, kind in ((0.8 * (1 + 5e-7), Resampler), (4800 / 12_001, Interpolator), (1 / 10, Resampler)):
        assert type(resampler(ratio)) is kind
    for ratio in (0, -1, np.nan, np.inf, 1 / 2001, 2001):
        with pytest.raises(ValueError, match="ratio"):
            resampler(ratio)


@pytest.mark.parametrize("ratio", [0, -1, np.nan, np.inf, 1 / 2001, 3000])
def test_ratios_that_are_none(ratio):
    with pytest.raises(ValueError, match="ratio"):
        Resampler(ratio)
