"""Echoes of whole symbols: the channel's taps as Gaussian processes in time, and an MMSE equaliser that undoes them.

Behind the matched filter, y(n) = sum_l h_l(n) x(n - l) + w(n) with w white. Known symbols are what they are, an
unknown one is Gaussian with a mean and a variance (0 and 1 before anything was received), and what its variance adds
is noise to the estimate of h. Each tap is a process of Clarke's spectrum given at knots and linear between them (a
basis expansion; Giannakis and Tepedelenlioglu, Proc. IEEE 86(10), 1998); all taps together are one Bayesian linear
regression (Rasmussen and Williams, 2006, chapter 2). With the taps known, the symbols are another one, and its
posterior mean and variance are what the receiver model wants: z = rho x + noise of variance rho (1 - rho).
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import linalg, special
from scipy.linalg import lapack

from .exact import product, scaled, square

REACH = 7  # taps before and after the strongest: echoes of up to 5 symbols, with their pulses' tails
TAPS = 2 * REACH + 1
SPREADS = (1e-5, 3e-4, 6e-4, 1.2e-3, 2.4e-3)  # Doppler, cycles a symbol

_KNOTS = 10  # a Doppler cycle: linear between them
# Symbols over which the taps are constant where their mean powers are measured: a chirp less `REACH` at either end; and
# how few are enough.
_CHUNK, _FEWEST = 128, 2 * TAPS
_BLOCK = 8  # symbols, at least: what is inverted at once
_AUDIBLE = 0.1, 0.05  # of N0, of the strongest tap: above both a tap counts for `span`
_LEAST = 0.01  # of N0: the smallest mean power of a tap that is not nought
_QUIET = 1e-9  # of the signal's power: the least N0, for recordings without noise
_JITTER = 1e-6  # of a tap's power: directions in which a smooth process goes less are left out


class Symbols(NamedTuple):
    """What is believed of the symbols at places 0, 1, ...: `mean` complex [n], `variance` float [n], 0 where known."""

    mean: np.ndarray
    variance: np.ndarray


class Profile(NamedTuple):
    """Mean power of each tap, float [TAPS], and N0."""

    powers: np.ndarray
    n0: float


class Taps(NamedTuple):
    """h_l(n), complex [n, TAPS], the sum of their variances, float [n], and the log-evidence over noise alone."""

    h: np.ndarray
    variance: np.ndarray
    evidence: float


def _around(values: np.ndarray) -> np.ndarray:
    """[n] -> [n, TAPS]: row n has the values at n + REACH, ..., n - REACH, 0 beyond the ends."""
    return sliding_window_view(np.pad(values, REACH), TAPS)[:, ::-1]


def profile(y: np.ndarray, symbols: Symbols) -> Profile:
    """Measured where every symbol within reach is known: least squares over chunks."""
    x, known = _around(symbols.mean), _around(symbols.variance).max(1) == 0
    known[:REACH] = False  # the ramp's
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    powers, squares, freedom, noise = [], 0.0, 0, []
    for start, stop in edges.reshape(-1, 2):
        for rows in np.array_split(np.arange(start, stop), max(1, (stop - start) // _CHUNK)):
            if len(rows) < _FEWEST:
                continue
            inverse = np.linalg.inv(x[rows].conj().T @ x[rows])
            h = inverse @ (x[rows].conj().T @ y[rows])
            squares += float(np.sum(square(y[rows] - x[rows] @ h)))
            freedom += len(rows) - TAPS
            powers.append(square(h))
            noise.append(np.diag(inverse).real)
    n0 = max(squares / freedom, _QUIET * float(np.mean(square(y))))
    return Profile(np.maximum(np.mean(powers, 0) - n0 * np.mean(noise, 0), 0), n0)


class _Fading:
    """The taps' regression for one Doppler spread.

    Each tap is sqrt(power) E u at the knots, u white with a number for each direction in which a process of this
    spread can go at all, which are far fewer than knots.
    """

    def __init__(self, y: np.ndarray, symbols: Symbols, levels: Profile, spread: float):
        n = len(y)
        heard = np.flatnonzero(levels.powers > _LEAST * levels.n0)  # the others are nought
        self.heard = heard if len(heard) else np.array([REACH])
        self.deviations, taps = np.sqrt(levels.powers[self.heard]), len(self.heard)
        step = min(1 / (_KNOTS * spread), float(n))
        knots = np.arange(0, n + step, step)
        place = np.arange(n) / step
        self.k = np.minimum(place.astype(int), len(knots) - 2)
        self.right = place - self.k
        strengths, ways = linalg.eigh(special.j0(2 * np.pi * spread * (knots[:, None] - knots)), check_finite=False)
        able = strengths > _JITTER
        self.ways = ways[:, able] * np.sqrt(strengths[able])  # E
        # what unknown symbols within reach add is noise
        noise = levels.n0 + _around(symbols.variance) @ levels.powers
        x = scaled(_around(symbols.mean)[:, self.heard], self.deviations / np.sqrt(noise)[:, None])
        x = np.concatenate([scaled(x, (1 - self.right)[:, None]), scaled(x, self.right[:, None])], 1)
        x = np.concatenate([x, scaled(y, 1 / np.sqrt(noise))[:, None]], 1)
        # of the symbols between two knots: x^H x and x^H y, by the knot on either side
        gram = np.empty((len(knots) - 1, 2 * taps, 2 * taps + 1), complex)
        for i, (start, stop) in enumerate(pairwise(np.searchsorted(self.k, np.arange(len(knots))))):
            gram[i] = x[start:stop, :-1].conj().T @ x[start:stop]
        sides = np.stack([self.ways[:-1], self.ways[1:]])  # [2, knots - 1, ways]
        m, count = len(self.ways[0]), len(knots) - 1
        both = np.einsum("pia,qib->abipq", sides, sides).reshape(m * m, -1)
        squares = gram[:, :, :-1].reshape(count, 2, taps, 2, taps).transpose(0, 1, 3, 2, 4).reshape(-1, taps * taps)
        inner = _real_times(both, squares).reshape(m, m, taps, taps).transpose(0, 2, 1, 3).reshape(m * taps, -1)
        inner[np.diag_indices(m * taps)] += 1
        b = _real_times(sides.transpose(2, 1, 0).reshape(m, -1), gram[:, :, -1].reshape(-1, taps)).ravel()
        self.factor = linalg.cholesky(inner, lower=True, overwrite_a=True, check_finite=False)
        self.white = linalg.solve_triangular(self.factor, b, lower=True, check_finite=False)
        self.evidence = float(np.sum(square(self.white)) - 2 * np.sum(np.log(np.diag(self.factor).real)))

    def taps(self) -> Taps:
        """Their posterior."""
        m, taps = self.ways.shape[1], len(self.heard)
        u = linalg.solve_triangular(self.factor, self.white, lower=True, trans="C", check_finite=False)
        at_knots = np.zeros((len(self.ways), TAPS), complex)
        at_knots[:, self.heard] = _real_times(self.ways, scaled(u.reshape(m, taps), self.deviations))
        inverse = linalg.solve_triangular(self.factor, np.eye(m * taps), lower=True, check_finite=False)
        inverse = inverse.reshape(m * taps, m, taps) * self.deviations
        # of all taps together: E S E', S the sum of their blocks of the covariance
        inverse = inverse.transpose(0, 2, 1).reshape(-1, m)
        variance = np.sum(self.ways * (self.ways @ (inverse.conj().T @ inverse).real), 1)
        k, right = self.k, self.right
        h = scaled(at_knots[k], (1 - right)[:, None]) + scaled(at_knots[k + 1], right[:, None])
        return Taps(h, (1 - right) * variance[k] + right * variance[k + 1], self.evidence)


def _real_times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b of a real and a complex matrix, without the products with noughts."""
    return (a @ np.ascontiguousarray(b).view(float)).view(complex)


def estimate(y: np.ndarray, symbols: Symbols, levels: Profile, spread: float) -> Taps:
    """The taps' posterior for one Doppler spread: complex [n] -> `Taps`."""
    return _Fading(y, symbols, levels, spread).taps()


def likeliest(y: np.ndarray, symbols: Symbols, levels: Profile) -> Taps:
    """`estimate` by the Doppler spread of `SPREADS` that has the greatest evidence: the first that has a maximum."""
    best = _Fading(y, symbols, levels, SPREADS[0])
    for spread in SPREADS[1:]:
        faster = _Fading(y, symbols, levels, spread)
        if faster.evidence < best.evidence:
            break
        best = faster
    return best.taps()


def passed(symbols: Symbols, taps: Taps) -> np.ndarray:
    """What the receiver should have got of `symbols.mean`: complex [n]."""
    return np.sum(product(taps.h, _around(symbols.mean)), 1)


def span(levels: Profile) -> int:
    """Symbols from the first to the last tap that is heard: above N0 / 10 and above 5 % of the strongest."""
    of_noise, of_strongest = _AUDIBLE
    least = max(of_noise * levels.n0, of_strongest * levels.powers.max())
    heard = np.flatnonzero(levels.powers > least)
    return int(heard[-1] - heard[0]) if len(heard) else 0


def equalise(y: np.ndarray, symbols: Symbols, taps: Taps, n0: float) -> Symbols:
    """The symbols' posterior: known ones as they are, the others by MMSE.

    Its precision, 1 / prior + H^H H / noise, is a band matrix, and the diagonal of its inverse comes out of blocks.
    """
    n, unknown = len(y), symbols.variance > 0
    heard = np.flatnonzero(taps.h.any(0))
    first, count = (heard[0], heard[-1] + 1 - heard[0]) if len(heard) else (REACH, 1)
    precision = np.ones(n)
    precision[unknown] = 1 / symbols.variance[unknown]
    sigma = np.sqrt(n0 + taps.variance)
    rows = scaled(taps.h[:, first : first + count], 1 / sigma[:, None])
    residual = scaled(y - passed(symbols, taps), 1 / sigma)
    # column m of H: symbol m is received at m + first - REACH and the next places
    columns, seen = np.zeros((n, count), complex), np.zeros(n, complex)
    for t in range(count):
        late = first + t - REACH
        m = slice(max(0, -late), min(n, n - late))
        at = slice(m.start + late, m.stop + late)
        columns[m, t] = np.where(unknown[m], rows[at, t], 0)
        seen[m] += product(columns[m, t].conj(), residual[at])
    band = np.zeros((count, n), complex)  # lower diagonals
    for k in range(count):
        band[k, : n - k] = np.sum(product(columns[k:, : count - k].conj(), columns[: n - k, k:]), 1)
    band[0] += precision
    mean = symbols.mean + np.where(unknown, linalg.solveh_banded(band, seen, lower=True, check_finite=False), 0)
    return Symbols(mean, np.where(unknown, _inverse_diagonal(band), 0.0))


def _inverse_diagonal(band: np.ndarray) -> np.ndarray:
    """Of the inverse of a Hermitian band matrix, its lower diagonals complex [d, n], of which no more reach: float [n].

    With F and G what a block is worth given all before and all behind it (Schur complements), the block of the inverse
    is (F + G - D)^-1 (Meurant, SIAM J. Matrix Anal. Appl. 13(3), 1992).
    """
    size, n = max(_BLOCK, len(band)), band.shape[1]
    count = -(-n // size)
    band = np.pad(band, ((0, 0), (0, count * size - n)))
    band[0, n:] = 1
    row, column = np.indices((2 * size, size))
    inside = (row >= column) & (row - column < len(band))
    tall = np.zeros((count, 2 * size, size), complex)  # each block's own and the one below it
    tall[:, inside] = band.reshape(-1, count, size)[(row - column)[inside], :, column[inside]].T
    own, below = tall[:, :size], tall[:, size:]
    own += np.conj(np.tril(own, -1)).transpose(0, 2, 1)
    above = np.ascontiguousarray(below.conj().transpose(0, 2, 1))
    before, behind = own.copy(), own.copy()
    # np.linalg.solve spends more on its calls than on blocks as small as these
    for i in range(count - 1):
        before[i + 1] -= below[i] @ lapack.zposv(before[i], above[i])[1]
    for i in range(count - 1, 0, -1):
        behind[i - 1] -= above[i - 1] @ lapack.zposv(behind[i], below[i - 1])[1]
    return np.diagonal(np.linalg.inv(before + behind - own), axis1=1, axis2=2).real.ravel()[:n]
