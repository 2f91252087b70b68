"""Echoes of whole symbols: the channel's taps as Gaussian processes in time, and an MMSE equaliser that undoes them.

Behind the matched filter, y(n) = sum_l h_l(n) x(n - l) + w(n) with w white. Known symbols are what they are, an
unknown one is Gaussian with a mean and a variance (0 and 1 before anything was received), and what its variance adds
is noise to the estimate of h. Each tap is a process of Clarke's spectrum given at knots and linear between them (a
basis expansion; Giannakis and Tepedelenlioglu, Proc. IEEE 86(10), 1998); all taps together are one Bayesian linear
regression (Rasmussen and Williams, 2006, chapter 2). With the taps known, the symbols are another one, and its
posterior mean and variance are what the receiver model wants: z = rho x + noise of variance rho (1 - rho).
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import linalg, special

from .exact import product, scaled, square

REACH = 7  # taps before and after the strongest: echoes of up to 5 symbols, with their pulses' tails
TAPS = 2 * REACH + 1
SPREADS = (1e-5, 3e-4, 6e-4, 1.2e-3, 2.4e-3)  # Doppler, cycles a symbol

_KNOTS = 10  # a Doppler cycle: linear between them
# Symbols over which the taps are constant where their mean powers are measured: a chirp less `REACH` at either end; and
# how few are enough.
_CHUNK, _FEWEST = 128, 2 * TAPS
_SEGMENT, _OVERLAP = 96, 32  # symbols that are equalised together, and on each side besides
_AUDIBLE = 0.1, 0.05  # of N0, of the strongest tap: above both a tap counts for `span`
_LEAST = 0.01  # of N0: the smallest mean power of a tap that is not nought
_QUIET = 1e-9  # of the signal's power: the least N0, for recordings without noise
_JITTER = 1e-6  # of a tap's power: keeps a smooth process invertible


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


def estimate(y: np.ndarray, symbols: Symbols, levels: Profile, spread: float) -> Taps:
    """The taps' posterior for one Doppler spread: complex [n] -> `Taps`."""
    n = len(y)
    heard = np.flatnonzero(levels.powers > _LEAST * levels.n0)  # the others are nought
    heard = heard if len(heard) else np.array([REACH])
    powers, taps = levels.powers[heard], len(heard)
    step = min(1 / (_KNOTS * spread), float(n))
    knots = np.arange(0, n + step, step)
    place = np.arange(n) / step
    k = np.minimum(place.astype(int), len(knots) - 2)
    right = place - k
    # what unknown symbols within reach add is noise
    noise = levels.n0 + _around(symbols.variance) @ levels.powers
    x = scaled(_around(symbols.mean)[:, heard], 1 / np.sqrt(noise)[:, None])
    white = scaled(y, 1 / np.sqrt(noise))
    normal = np.zeros((len(knots), taps, len(knots), taps), complex)
    b = np.zeros((len(knots), taps), complex)
    for i in range(len(knots) - 1):
        rows = slice(*np.searchsorted(k, [i, i + 1]))
        share = right[rows][:, None]
        both = np.concatenate([scaled(x[rows], 1 - share), scaled(x[rows], share)], 1)
        normal[i : i + 2, :, i : i + 2] += (both.conj().T @ both).reshape(2, taps, 2, taps)
        b[i : i + 2] += (both.conj().T @ white[rows]).reshape(2, taps)
    correlation = special.j0(2 * np.pi * spread * (knots[:, None] - knots))
    root = linalg.cholesky(correlation + _JITTER * np.eye(len(knots)), lower=True)
    prior = np.kron(root, np.diag(np.sqrt(powers)))  # h at the knots = prior @ u, u white
    inner = prior.T @ normal.reshape(b.size, b.size) @ prior
    inner[np.diag_indices(b.size)] += 1
    factor = linalg.cholesky(inner, lower=True, check_finite=False)
    u = linalg.solve_triangular(factor, prior.T @ b.ravel(), lower=True, check_finite=False)
    evidence = float(np.sum(square(u)) - 2 * np.sum(np.log(np.diag(factor).real)))
    deviation = linalg.solve_triangular(factor, prior.T, lower=True, check_finite=False)
    at_knots = np.zeros((len(knots), TAPS), complex)
    at_knots[:, heard] = (deviation.conj().T @ u).reshape(-1, taps)
    variance = np.sum(square(deviation), 0).reshape(-1, taps).sum(1)
    h = scaled(at_knots[k], (1 - right)[:, None]) + scaled(at_knots[k + 1], right[:, None])
    return Taps(h, (1 - right) * variance[k] + right * variance[k + 1], evidence)


def likeliest(y: np.ndarray, symbols: Symbols, levels: Profile) -> Taps:
    """`estimate` by the Doppler spread of `SPREADS` that has the greatest evidence."""
    return max((estimate(y, symbols, levels, spread) for spread in SPREADS), key=lambda taps: taps.evidence)


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
    """The symbols' posterior: known ones as they are, the others by MMSE over a segment at a time."""
    n = len(y)
    mean, variance = symbols.mean.astype(complex), symbols.variance.astype(float)
    columns = np.arange(n)[:, None] - np.arange(-REACH, REACH + 1)  # of the symbol behind each tap
    noise = n0 + taps.variance
    for start in range(0, n, _SEGMENT):
        first, stop = max(0, start - _OVERLAP), min(n, start + _SEGMENT + _OVERLAP)
        low, high = max(0, first - REACH), min(n, stop + REACH)  # symbols that matter to these rows
        H = np.zeros((stop - first, high - low), complex)
        inside = (columns[first:stop] >= low) & (columns[first:stop] < high)
        rows = np.nonzero(inside)[0]
        H[rows, columns[first:stop][inside] - low] = taps.h[first:stop][inside]
        prior_mean, prior = symbols.mean[low:high], symbols.variance[low:high]
        weighed = scaled(H, prior)
        covariance = weighed @ H.conj().T
        covariance[np.diag_indices(stop - first)] += noise[first:stop]
        factor = linalg.cholesky(covariance, lower=True, check_finite=False)
        left = linalg.solve_triangular(factor, weighed, lower=True, check_finite=False)
        residual = y[first:stop] - H @ prior_mean
        residual = linalg.solve_triangular(factor, residual, lower=True, check_finite=False)
        end = min(n, start + _SEGMENT)
        mine = slice(start - low, end - low)
        mean[start:end] = prior_mean[mine] + left[:, mine].conj().T @ residual
        variance[start:end] = prior[mine] - np.sum(square(left[:, mine]), 0)
    return Symbols(mean, variance)
