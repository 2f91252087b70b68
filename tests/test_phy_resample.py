"""Streams from one rate and carrier to another: what scipy makes of the whole, in pieces of any size."""

import numpy as np
import pytest
from scipy.signal import resample_poly

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


@pytest.mark.parametrize("ratio", [0, -1, np.nan, np.inf, 1 / 2001, 3000])
def test_ratios_that_are_none(ratio):
    with pytest.raises(ValueError, match="ratio"):
        Resampler(ratio)
