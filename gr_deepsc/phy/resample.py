"""From one sample rate to another and from one carrier to another, for streams in pieces of any size."""

import math
from fractions import Fraction

import numpy as np
from scipy.signal import firwin, upfirdn

from .exact import product

LARGEST = 2000  # numerator or denominator of a ratio of rates
KAISER_BETA = 9.0  # stop band -90 dB
MAX_ERROR_PPM = 1.0  # by which the ratio may miss what was asked for: nothing beside the clocks of radios


class Mixer:
    """Shifts the spectrum of a stream."""

    def __init__(self, shift: float):
        """`shift` in cycles a sample."""
        self._shift, self._count = shift, 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Real or complex [n] -> complex64 [n]."""
        if not self._shift:
            return np.asarray(samples, np.complex64)
        turns = (self._count + np.arange(len(samples))) * self._shift % 1.0
        self._count += len(samples)
        turn = np.exp(2j * np.pi * turns)
        return product(np.asarray(samples), turn).astype(np.complex64)


def low_pass(up: int, down: int = 1, share: float = 1.0) -> np.ndarray:
    """The filter of a change of rate by up / down, for `Resampler` and for the interpolators of flowgraphs.

    A sinc of ten zero crossings to either side under a Kaiser window, a whole number of output samples of delay. Images
    and aliases of a burst, whose band is a sixth of its sample rate to either side, lie 98 dB below it at least.

    Args:
        share: where the gain is a half, over half of the lower of the two rates.

    Returns:
        float32 [n], n odd, at `up` times the rate of the input; their sum is `up`.
    """
    if share >= max(up, down):
        return np.ones(1, np.float32)
    half = down * math.ceil(10 * max(up, down) / (share * down))
    taps = firwin(2 * half + 1, share / max(up, down), window=("kaiser", KAISER_BETA))
    return (up * taps).astype(np.float32)


def nearest_ratio(ratio: float) -> Fraction | None:
    """The ratio as one of whole numbers up to `LARGEST`, within `MAX_ERROR_PPM`; None where there is none."""
    nearest = Fraction(ratio).limit_denominator(LARGEST) if 0 < ratio < np.inf else Fraction(0)
    fits = 0 < nearest.numerator <= LARGEST and abs(nearest / ratio - 1) <= MAX_ERROR_PPM * 1e-6
    return nearest if fits else None


class Resampler:
    """`scipy.signal.resample_poly` of a stream through `low_pass`: no delay, and nothing depends on the pieces.

    Of ratios of whole numbers; `interpolate.resampler` has all others as well.

    Args:
        ratio: rate of the output over that of the input.
        share: as of `low_pass`, for a band narrower than the rates allow.

    Raises:
        ValueError: the ratio is not that of two whole numbers up to `LARGEST`, within `MAX_ERROR_PPM`.
    """

    def __init__(self, ratio: float, share: float = 1.0):
        nearest = nearest_ratio(ratio)
        if nearest is None:
            raise ValueError(f"rates in the ratio {ratio:g}: needed is one of whole numbers up to {LARGEST}, as 1/10")
        self._up, self._down = nearest.numerator, nearest.denominator
        if self._up == self._down:
            return
        self._taps = low_pass(self._up, self._down, share)
        self._skip = len(self._taps) // 2 // self._down  # outputs that are left away: the delay
        # from the stream's sample `_first` on, a multiple of `_down`
        self._inputs: np.ndarray = np.zeros(0, np.complex64)
        self._first = self._done = 0  # output samples that are out, those left away among them

    def push(self, samples: np.ndarray) -> np.ndarray:
        """complex64 [n] -> complex64 of what these samples decide."""
        if self._up == self._down:
            return samples
        self._inputs = np.concatenate([self._inputs, samples])
        end = self._first + len(self._inputs)
        return self._give((end * self._up - 1) // self._down + 1)  # no later input reaches these

    def flush(self) -> np.ndarray:
        """The stream has ended: the rest, as long as the input was."""
        if self._up == self._down:
            return np.zeros(0, np.complex64)
        end = self._first + len(self._inputs)
        until = -(-end * self._up // self._down) + self._skip
        self._inputs = np.concatenate(
            [self._inputs, np.zeros(len(self._taps) // self._up + self._down + 1, np.complex64)]
        )
        return self._give(until)

    def _give(self, until: int) -> np.ndarray:
        """Output samples up to `until`, less those that come before the first."""
        origin = self._first // self._down * self._up  # the output sample of the first input
        if until <= self._done:
            return np.zeros(0, np.complex64)
        out = upfirdn(self._taps, self._inputs, self._up, self._down)[self._done - origin : until - origin]
        out = out[max(0, self._skip - self._done) :]
        self._done = until
        # the next output reaches back by the filter's length
        oldest = (self._done * self._down - len(self._taps)) // self._up // self._down * self._down
        if oldest > self._first:
            self._inputs, self._first = self._inputs[oldest - self._first :], oldest
        return out.astype(np.complex64)
