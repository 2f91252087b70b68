"""Finding bursts in a stream of samples, by a false-alarm probability.

Each chirp's correlation is divided by the energy under its own window, N symbols: b = |sum z x*|^2 / (N sum |z|^2), a
number in [0, 1] that no level, no level step and no sine can raise. In noise it is Beta(1, N - 1), so that
P(b > x) = (1 - x)^(N - 1); the statistic is the sum of the two chirps' b, which costs nothing where the
channel turned or faded between them. Thresholds come from that law alone.

Of each preamble there are two patterns: as it was sent, and conjugated, as a receiver on the other sideband or with I
and Q exchanged has it. Conjugation makes each chirp the other one, so the same correlations show both.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft, integrate, optimize

from .exact import product, square
from .frame import Layout
from .preamble import LONG, MAX_CFO, PREAMBLES, Preamble
from .pulse import DELAY, SAMPLES_PER_SYMBOL, TAPS, shape

CANDIDATE = 1e-8  # false-alarm probability a hypothesis: worth a look at the header
SURE = 1e-11  # a burst, whether its header can be read or not
# Each chirp of a burst is half of another one, as it was sent or conjugated. Noise looks like a chirp alone with these
# probabilities: where it does not, both of a burst were heard; a conjugated burst without both is none.
HEARD, EACH = 1e-4, 1e-5

_FFT = 8192
HOP = 7552  # lags a block; the rest of _FFT holds the longest chirp with its pulses' tails
_CHUNK = 64  # starts whose hypotheses are ruled out together; `HOP` is a multiple of it
_MAX_SEEN_CFO = 1.02 * MAX_CFO  # the estimate of one at the limit: at -8 dB its standard deviation is 0.5 %
_ROUNDING = 1e-12  # of a block's peak power: what the FFT leaves in a silence

# up and down of each preamble, in the order of `correlate`
_CHIRPS = [chirp for preamble in PREAMBLES.values() for chirp in (preamble.up, preamble.down)]
_SPECTRA = np.conj([fft.fft(r, _FFT) for r in (TAPS.astype(np.complex64), *map(shape, _CHIRPS))])


def false_alarm(threshold: float, chirp: int) -> float:
    """P(statistic > threshold) of one hypothesis in noise: the sum of two independent Beta(1, chirp - 1)."""
    n, t = chirp - 1, threshold
    tail, _ = integrate.quad(lambda x: n * (1 - x) ** (n - 1) * (1 - t + x) ** n, max(0, t - 1), min(t, 1), epsabs=0)
    return max(0.0, 1 - t) ** n + tail


@cache
def threshold(probability: float, chirp: int) -> float:
    """The statistic that noise exceeds with `probability`, for chirps of so many symbols."""
    return optimize.brentq(lambda t: np.log(false_alarm(t, chirp) / probability), 1e-3, 1.0)


class Detection(NamedTuple):
    """A preamble: `start` is its first symbol's peak in samples of the stream.

    `cfo` is in cycles a symbol, of the conjugated samples if `inverted`.
    """

    start: float
    cfo: float
    statistic: float
    sure: bool
    both: bool = True  # chirps were heard
    preamble: Preamble = LONG
    inverted: bool = False


class Detector:
    """Searches a stream fed in pieces of any size; the detections do not depend on the pieces."""

    def __init__(self) -> None:
        self._samples: np.ndarray = np.zeros(DELAY, np.complex64)  # of the stream, from the first lag - DELAY on
        self._lag = 0  # the next block's first
        self._patterns = [
            _Pattern(preamble, 2 * k + inverted, 2 * k + 1 - inverted)
            for k, preamble in enumerate(PREAMBLES.values())
            for inverted in (False, True)
        ]

    @property
    def undecided(self) -> float:
        """No detection that is still to come starts before this sample."""
        return max(0.0, min(pattern.settled for pattern in self._patterns))

    def push(self, samples: np.ndarray) -> list[Detection]:
        """The preambles that these samples made certain: complex64 [n], finite."""
        self._samples = np.concatenate([self._samples, np.asarray(samples, np.complex64)])
        found = []
        while len(self._samples) >= _FFT:
            b = correlate(self._samples[:_FFT])
            for pattern in self._patterns:
                found += pattern.push(b, self._lag)
            self._samples, self._lag = self._samples[HOP:], self._lag + HOP
        return found

    def flush(self) -> list[Detection]:
        """The stream has ended: the preambles still in it, the last one whole or nearly."""
        found, end = [], self._lag + len(self._samples)
        while self._lag < end + max(pattern.reach for pattern in self._patterns):
            found += self.push(np.zeros(HOP, np.complex64))
        return found


class _Pattern:
    """One preamble, as it was sent or conjugated, sought among the correlations with its chirps."""

    def __init__(self, preamble: Preamble, first: int, second: int) -> None:
        """`first` and `second`: rows of `correlate`, of the chirp that comes first in this pattern and of the other."""
        self._preamble, self._rows, self._inverted = preamble, [first, second], second < first
        self._length = SAMPLES_PER_SYMBOL * preamble.chirp  # samples of a chirp
        self._spacing = SAMPLES_PER_SYMBOL * Layout(1, preamble).down  # samples from the first chirp to the second
        # samples; the largest delay that is looked at
        self._shift = int(np.ceil(MAX_CFO * self._length)) + SAMPLES_PER_SYMBOL
        self._history = self._spacing + 4 * self._shift  # lags that starts in the next block may still need
        self._dead = 2 * self._length  # samples either side of a detection in which there is no weaker one
        self.reach = self._history + self._dead  # lags after which nothing of the stream is undecided
        # b of a chirp by itself: what is heard, and the least that is asked for
        self._heard, each = (1 - p ** (1 / (preamble.chirp - 1)) for p in (HEARD, EACH))
        self._each = each if self._inverted else 0.0
        self._b = np.zeros((2, self._history), np.float32)  # of the lags before
        self._pending: np.ndarray = np.zeros((0, 4))  # start, cfo, statistic, the lesser b
        self.settled = -np.inf  # starts before this one are decided

    def push(self, b: np.ndarray, lag: int) -> list[Detection]:
        """The preambles that the next block, its first lag `lag`, made certain, in order of time."""
        self._b = np.concatenate([self._b[:, -self._history :], b[self._rows]], 1)
        start = lag - self._spacing - 2 * self._shift
        self._pending = np.concatenate([self._pending, self._exceeding(start)])
        return self._settle(start + HOP - self._shift - self._dead)

    def _exceeding(self, start: int) -> np.ndarray:
        """Start, CFO, statistic and lesser b where it exceeds the lower threshold, for `HOP` starts from `start` on."""
        least = threshold(CANDIDATE, self._preamble.chirp)
        first, second = self._b
        late = self._history - 2 * self._shift + np.arange(HOP)  # their lags without a CFO,
        early = late - self._spacing  # as indices into `second` and `first`
        # No pair of lags can exceed the sum of the two maxima, and in noise this one hardly ever does.
        bound = _maxima(first, early[0], self._shift + 1) + _maxima(second, late[0], self._shift + 1)
        k = (np.flatnonzero(bound >= least)[:, None] * _CHUNK + np.arange(_CHUNK)).ravel()
        if not len(k):
            return np.zeros((0, 4))
        width = 2 * self._shift + 1
        earlier = sliding_window_view(first, width)[early[k] - self._shift, ::-1]
        found = []
        for odd in (0, 1):  # starts on a sample, and half a sample later
            both = earlier + sliding_window_view(second, width)[late[k] - self._shift + odd]
            best = both.argmax(1)
            i, j = early[k] + self._shift - best, late[k] - self._shift + best + odd
            one, other = i + _offset(first, i), j + _offset(second, j) - self._spacing
            where, cfo = (one + other) / 2 - early[0] + start, (other - one) / (2 * self._length)
            weaker = np.minimum(first[i], second[j])
            found.append(np.stack([where, cfo, both[np.arange(len(k)), best], weaker], 1))
        rows = np.stack(found, 1).reshape(-1, 4)
        strong = (rows[:, 2] >= least) & (rows[:, 3] >= self._each)
        return rows[strong & (np.abs(rows[:, 1]) <= _MAX_SEEN_CFO)]

    def _settle(self, before: float) -> list[Detection]:
        """The strongest of each neighbourhood, of equal ones the first, among starts that no later sample can outdo."""
        if not len(self._pending):
            self.settled = before
            return []
        self._pending = self._pending[np.argsort(self._pending[:, 0], kind="stable")]
        starts, _, statistics, _ = self._pending.T
        # The strongest of its neighbourhood is so of the stretch that it lies in: few are.
        stretches = np.flatnonzero(np.diff(starts // (self._dead // 8), prepend=np.nan))
        sizes = np.diff(stretches, append=len(starts))
        most = np.maximum.reduceat(statistics, stretches)
        eminent = statistics == np.repeat(most, sizes)
        sure = threshold(SURE, self._preamble.chirp)
        found = []
        for k in np.flatnonzero(eminent & (starts >= self.settled) & (starts < before)):
            near = np.abs(starts - starts[k]) <= self._dead
            earlier, later = statistics[:k][near[:k]], statistics[k:][near[k:]]
            strongest = statistics[k] > earlier.max(initial=0) and statistics[k] >= later.max()
            if strongest:
                start, cfo, statistic, lesser = self._pending[k].tolist()
                told = statistic >= sure, lesser >= self._heard
                found.append(Detection(start, cfo, statistic, *told, self._preamble, self._inverted))
        self._pending, self.settled = self._pending[starts >= before - self._dead], before
        return found


def correlate(block: np.ndarray) -> np.ndarray:
    """b of the chirps of all `PREAMBLES`, up and down, at `HOP` lags, the first at sample DELAY of the block.

    complex64 [_FFT] -> float32 [4, HOP].
    """
    z, *chirps = fft.ifft(product(fft.fft(block), _SPECTRA))
    power = square(z)
    sums = np.zeros((len(power) // SAMPLES_PER_SYMBOL + 1, SAMPLES_PER_SYMBOL))
    np.cumsum(power.reshape(-1, SAMPLES_PER_SYMBOL), 0, out=sums[1:])
    b = np.zeros((len(chirps), HOP), np.float32)
    for row, (symbols, correlation) in enumerate(zip(map(len, _CHIRPS), chirps, strict=True)):
        energy = (sums[symbols:] - sums[:-symbols]).ravel()[:HOP]
        audible = energy > symbols * _ROUNDING * power[: HOP + SAMPLES_PER_SYMBOL * symbols].max()
        np.divide(square(correlation[:HOP]), symbols * energy, out=b[row], where=audible)
    return b


def _maxima(b: np.ndarray, first: int, reach: int) -> np.ndarray:
    """Of each `_CHUNK` of the `HOP` places from `first` on, no less than the greatest b within `reach` of any."""
    before = first - reach
    cells = b[before % _CHUNK :][: (len(b) - before % _CHUNK) // _CHUNK * _CHUNK].reshape(-1, _CHUNK).max(1)
    rest = b[before % _CHUNK + len(cells) * _CHUNK :].max(initial=0)  # behind the last whole cell
    cells = np.append(cells, rest)
    low = before // _CHUNK + np.arange(HOP // _CHUNK)
    covered = 2 + 2 * reach // _CHUNK  # cells that a chunk and its neighbourhood lie in
    return np.max([cells[np.minimum(low + each, len(cells) - 1)] for each in range(covered)], 0)


def _offset(b: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Where the parabolas through |correlation| around indices `k` have their peaks, within half a sample."""
    left, middle, right = np.sqrt(b[k - 1]), np.sqrt(b[k]), np.sqrt(b[k + 1])
    curvature = 2 * middle - left - right
    offset = np.divide(right - left, 2 * curvature, out=np.zeros(len(k), np.float32), where=curvature > 0)
    return np.clip(offset, -0.5, 0.5).astype(float)
