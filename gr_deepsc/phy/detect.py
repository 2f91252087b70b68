"""Finding bursts in a stream of samples, by a false-alarm probability.

Each chirp's correlation is divided by the energy under its own window: b = |sum z x*|^2 / (CHIRP sum |z|^2), a
number in [0, 1] that no level, no level step and no sine can raise. In noise it is Beta(1, CHIRP - 1), so that
P(b > x) = (1 - x)^(CHIRP - 1); the statistic is the sum of the two chirps' b, which costs nothing where the
channel turned or faded between them. Thresholds come from that law alone.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft, integrate, optimize
from scipy.ndimage import maximum_filter1d

from .exact import product, square
from .frame import Layout
from .preamble import CHIRP, DOWN, MAX_CFO, UP
from .pulse import DELAY, SAMPLES_PER_SYMBOL, TAPS, shape

CANDIDATE = 1e-8  # false-alarm probability a hypothesis: worth a look at the header
SURE = 1e-11  # a burst, whether its header can be read or not

_LENGTH = SAMPLES_PER_SYMBOL * CHIRP  # samples of a chirp
_SPACING = SAMPLES_PER_SYMBOL * Layout(1).down  # samples from the first chirp to the second
_SHIFT = int(np.ceil(MAX_CFO * _LENGTH)) + SAMPLES_PER_SYMBOL  # samples; the largest delay that is looked at
_FFT = 8192
HOP = 7552  # lags a block; the rest of _FFT holds a chirp with its pulses' tails
_HISTORY = _SPACING + 4 * _SHIFT  # lags that starts in the next block may still need
_DEAD = 2 * _LENGTH  # samples either side of a detection in which there is no weaker one
_MAX_SEEN_CFO = 1.02 * MAX_CFO  # the estimate of one at the limit: at -8 dB its standard deviation is 0.5 %
_ROUNDING = 1e-12  # of a block's peak power: what the FFT leaves in a silence

_SPECTRA = np.conj([fft.fft(r, _FFT) for r in (TAPS.astype(np.complex64), shape(UP), shape(DOWN))])


def false_alarm(threshold: float) -> float:
    """P(statistic > threshold) of one hypothesis in noise: the sum of two independent Beta(1, CHIRP - 1)."""
    n, t = CHIRP - 1, threshold
    tail, _ = integrate.quad(lambda x: n * (1 - x) ** (n - 1) * (1 - t + x) ** n, max(0, t - 1), min(t, 1), epsabs=0)
    return max(0.0, 1 - t) ** n + tail


@cache
def threshold(probability: float) -> float:
    """The statistic that noise exceeds with `probability`."""
    return optimize.brentq(lambda t: np.log(false_alarm(t) / probability), 1e-3, 1.0)


class Detection(NamedTuple):
    """A preamble: `start` is its first symbol's peak in samples of the stream, `cfo` in cycles a symbol."""

    start: float
    cfo: float
    statistic: float
    sure: bool


class Detector:
    """Searches a stream fed in pieces of any size; the detections do not depend on the pieces."""

    def __init__(self) -> None:
        self._samples: np.ndarray = np.zeros(DELAY, np.complex64)  # of the stream, from sample `_lag` - DELAY on
        self._lag = 0  # the next block's first
        self._b = np.zeros((2, _HISTORY), np.float32)  # of the lags before
        self._pending: np.ndarray = np.zeros((0, 3))  # start, cfo, statistic of what exceeds the threshold
        self._settled = -np.inf  # starts before this one are decided

    @property
    def undecided(self) -> float:
        """No detection that is still to come starts before this sample."""
        return max(0.0, self._settled)

    def push(self, samples: np.ndarray) -> list[Detection]:
        """The preambles that these samples made certain, in order of time: complex64 [n], finite."""
        self._samples = np.concatenate([self._samples, np.asarray(samples, np.complex64)])
        found = []
        while len(self._samples) >= _FFT:
            self._b = np.concatenate([self._b[:, -_HISTORY:], correlate(self._samples[:_FFT])], 1)
            start = self._lag - _SPACING - 2 * _SHIFT
            self._pending = np.concatenate([self._pending, self._exceeding(start)])
            self._samples, self._lag = self._samples[HOP:], self._lag + HOP
            found += self._settle(start + HOP - _SHIFT - _DEAD)
        return found

    def flush(self) -> list[Detection]:
        """The stream has ended: the preambles still in it, the last one whole or nearly."""
        found, end = [], self._lag + len(self._samples)
        while self._lag < end + _HISTORY + _DEAD:
            found += self.push(np.zeros(HOP, np.complex64))
        return found

    def _exceeding(self, first: int) -> np.ndarray:
        """Start, CFO and statistic where it exceeds the lower threshold, for `HOP` starts from `first` on."""
        least = threshold(CANDIDATE)
        up, down = self._b
        late = np.arange(_HISTORY - 2 * _SHIFT, _HISTORY - 2 * _SHIFT + HOP)  # their lags without a CFO,
        early = late - _SPACING  # as indices into `down` and `up`
        # No pair of lags can exceed the sum of the two maxima, and in noise this one hardly ever does.
        width = 2 * _SHIFT + 3
        bound = maximum_filter1d(down, width)[late] + maximum_filter1d(up, width)[early]
        k = np.flatnonzero(bound >= least)
        width = 2 * _SHIFT + 1
        earlier = sliding_window_view(up, width)[early[k] - _SHIFT, ::-1]
        found = []
        for odd in (0, 1):  # starts on a sample, and half a sample later
            both = earlier + sliding_window_view(down, width)[late[k] - _SHIFT + odd]
            best = both.argmax(1)
            i, j = early[k] + _SHIFT - best, late[k] - _SHIFT + best + odd
            one, other = i + _offset(up, i), j + _offset(down, j) - _SPACING
            start = (one + other) / 2 - early[0] + first
            found.append(np.stack([start, (other - one) / (2 * _LENGTH), both[np.arange(len(k)), best]], 1))
        rows = np.stack(found, 1).reshape(-1, 3)
        return rows[(rows[:, 2] >= least) & (np.abs(rows[:, 1]) <= _MAX_SEEN_CFO)]

    def _settle(self, before: float) -> list[Detection]:
        """The strongest of each neighbourhood, of equal ones the first, among starts that no later sample can outdo."""
        self._pending = self._pending[np.argsort(self._pending[:, 0], kind="stable")]
        starts, cfos, statistics = self._pending.T
        # The strongest of its neighbourhood is so of the stretch that it lies in: few are.
        stretches = np.flatnonzero(np.diff(starts // (_DEAD // 8), prepend=np.nan))
        sizes = np.diff(stretches, append=len(starts))
        most = np.maximum.reduceat(statistics, stretches) if len(starts) else statistics
        eminent = statistics == np.repeat(most, sizes)
        found = []
        for k in np.flatnonzero(eminent & (starts >= self._settled) & (starts < before)):
            near = np.abs(starts - starts[k]) <= _DEAD
            earlier, later = statistics[:k][near[:k]], statistics[k:][near[k:]]
            strongest = statistics[k] > earlier.max(initial=0) and statistics[k] >= later.max()
            if strongest:
                sure = bool(statistics[k] >= threshold(SURE))
                found.append(Detection(float(starts[k]), float(cfos[k]), float(statistics[k]), sure))
        self._pending, self._settled = self._pending[starts >= before - _DEAD], before
        return found


def correlate(block: np.ndarray) -> np.ndarray:
    """b of the two chirps at `HOP` lags, the first at sample DELAY of the block: complex64 [_FFT] -> [2, HOP]."""
    z, up, down = fft.ifft(product(fft.fft(block), _SPECTRA))
    power = square(z[: HOP + _LENGTH])
    sums = np.zeros((len(power) // SAMPLES_PER_SYMBOL + 1, SAMPLES_PER_SYMBOL))
    np.cumsum(power.reshape(-1, SAMPLES_PER_SYMBOL), 0, out=sums[1:])
    energy = (sums[CHIRP:] - sums[:-CHIRP]).ravel()[:HOP]
    matches = square(np.stack([up[:HOP], down[:HOP]]))
    audible = energy > CHIRP * _ROUNDING * power.max()
    return np.divide(matches, CHIRP * energy, out=np.zeros_like(matches), where=audible).astype(np.float32)


def _offset(b: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Where the parabolas through |correlation| around indices `k` have their peaks, within half a sample."""
    left, middle, right = np.sqrt(b[k - 1]), np.sqrt(b[k]), np.sqrt(b[k + 1])
    curvature = 2 * middle - left - right
    offset = np.divide(right - left, 2 * curvature, out=np.zeros(len(k), np.float32), where=curvature > 0)
    return np.clip(offset, -0.5, 0.5).astype(float)
