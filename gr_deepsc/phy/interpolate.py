"""From one sample rate to any other: what `resample.Resampler` does where the ratio is none of small whole numbers."""

import math
from typing import Protocol

import numpy as np

from .resample import KAISER_BETA, LARGEST, Resampler, nearest_ratio

CROSSINGS = 10  # of the sinc, to either side of its middle: as `resample.low_pass`
PHASES = 512  # a sample that the filter is tabulated at; between them on a straight line, which errs by -116 dB at most
_BLOCK = 1 << 12  # output samples that are made at a time: what they need stays in the processor's cache


class Stream(Protocol):
    """A change of rate of a stream in pieces."""

    def push(self, samples: np.ndarray) -> np.ndarray:
        """complex64 [n] -> complex64 of what these samples decide."""

    def flush(self) -> np.ndarray:
        """The stream has ended: the rest."""


def resampler(ratio: float, share: float = 1.0) -> Stream:
    """From one rate to `ratio` times it: a `Resampler` where whole numbers up to 2,000 will do, an `Interpolator` else.

    Both let a burst's band, a sixth of its sample rate to either side, pass within 0.001 dB, and keep aliases and
    images 96 dB below it.

    Args:
        ratio: rate of the output over that of the input.
        share: as of `resample.low_pass`.

    Raises:
        ValueError: one of the rates is more than `LARGEST` times the other.
    """
    if not 1 / LARGEST <= ratio <= LARGEST:
        raise ValueError(f"rates in the ratio {ratio:g}: one may be at most {LARGEST} times the other")
    return Interpolator(ratio, share) if nearest_ratio(ratio) is None else Resampler(ratio, share)


class Interpolator:
    """Output k is the input at k / ratio, by a sinc under a Kaiser window: no delay, and nothing depends on the pieces.

    Where the output has less than a quarter of the input's rate, a `Resampler` by a whole number comes first, so that
    the filter stays short; what that one folds lies outside the output's band and is filtered here.
    """

    def __init__(self, ratio: float, share: float = 1.0):
        """As of `resampler`."""
        whole = max(1, math.floor(1 / (2 * ratio))) if ratio < 1 / 4 else 1
        self._before = Resampler(1 / whole)
        self._ratio = ratio * whole  # of what comes behind it
        cutoff = min(1.0, self._ratio) * share  # of the input's own
        self._reach = math.ceil(CROSSINGS / cutoff)  # samples to either side
        away = np.arange(-self._reach * PHASES, self._reach * PHASES + 1) / PHASES
        inside = np.clip(1 - (away * cutoff / CROSSINGS) ** 2, 0, None)
        window = np.where(np.abs(away) * cutoff <= CROSSINGS, np.i0(KAISER_BETA * np.sqrt(inside)), 0)
        taps = cutoff * np.sinc(cutoff * away) * window / np.i0(KAISER_BETA)
        self._taps = (taps * PHASES / taps.sum()).astype(np.float32)
        self._rise = np.diff(self._taps)
        # inputs from the stream's sample `_first` on, I and Q beside each other: silence before the first
        self._inputs, self._first = np.zeros((self._reach, 2), np.float32), -self._reach
        self._done = 0  # output samples that are out

    def push(self, samples: np.ndarray) -> np.ndarray:
        """complex64 [n] -> complex64 of what these samples decide."""
        self._take(self._before.push(samples))
        end = self._first + len(self._inputs)
        return self._give(self._before_time(end - self._reach))

    def flush(self) -> np.ndarray:
        """The stream has ended: the rest, as long as the input was."""
        self._take(self._before.flush())
        end = self._first + len(self._inputs)
        self._take(np.zeros(self._reach + 1, np.complex64))
        return self._give(self._before_time(end))

    def _take(self, samples: np.ndarray) -> None:
        parts = np.ascontiguousarray(samples, np.complex64).view(np.float32).reshape(-1, 2)
        self._inputs = np.concatenate([self._inputs, parts])

    def _before_time(self, end: int) -> int:
        """How many outputs lie before the input's sample `end`, by the same rounding as `_give` finds their place."""
        count = max(0, math.ceil(end * self._ratio) - 2)
        while count / self._ratio < end:
            count += 1
        return count

    def _give(self, until: int) -> np.ndarray:
        """Output samples up to `until`."""
        out = [np.zeros((0, 2), np.float32)]
        while self._done < until:
            count = min(_BLOCK, until - self._done)
            out.append(self._made(np.arange(self._done, self._done + count)))
            self._done += count
        oldest = math.floor(self._done / self._ratio) - self._reach
        if oldest > self._first:
            self._inputs, self._first = self._inputs[oldest - self._first :], oldest
        return np.concatenate(out).reshape(-1).view(np.complex64)

    def _made(self, numbers: np.ndarray) -> np.ndarray:
        """The outputs of these numbers, float32 [n, 2].

        Sample by sample of the filter, not as a matrix product: sums are then in one order, whatever the pieces.
        """
        times = numbers / self._ratio
        before = np.floor(times).astype(np.int64)
        phase = (times - before) * PHASES
        row = phase.astype(np.int64)
        beyond = (1 - (phase - row)).astype(np.float32)
        sums = np.zeros((2, len(numbers)), np.float32)
        first = before - self._reach + 1 - self._first
        part = self._inputs[first[0] : first[-1] + 2 * self._reach].T.copy()
        place, at = first - first[0], PHASES - 1 - row
        for _ in range(2 * self._reach):
            weight = self._taps.take(at) + self._rise.take(at) * beyond
            sums += part.take(place, axis=1) * weight
            place += 1
            at += PHASES
        return sums.T
