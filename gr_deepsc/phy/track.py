"""The channel between known symbols, estimated as a Gaussian process; the process is chosen by its evidence.

Every stretch of known symbols is a node: c = sum x* y over its symbols, e = sum |x|^2 their energy. With a channel h
that is constant over the node, c / e = h + noise of variance N0 / e. A model says how h at two places is correlated;
its marginal likelihood given the nodes (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006,
eq. 2.30) weighs fit against freedom, and its posterior mean is the Wiener estimate of h everywhere, with the error
that the equaliser must know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import linalg

from .exact import square

GRID = 8  # symbols between the places where a smooth channel is computed; linear between them


class Nodes(NamedTuple):
    """`places` (symbols, in eighths) and `energies` of stretches of known symbols, float [n] each."""

    places: np.ndarray
    energies: np.ndarray


@dataclass(frozen=True)
class Blocks:
    """Constant over `length` symbols, then another; one block starts at place `offset`. Infinite: static."""

    length: float = np.inf
    offset: float = 0.0

    def __str__(self) -> str:
        return "static" if np.isinf(self.length) else f"blocks of {self.length:g}"

    def block(self, places: np.ndarray) -> np.ndarray:
        """The numbers of the blocks that hold `places`: int [n]."""
        if np.isinf(self.length):
            return np.zeros(len(places), int)
        return np.floor((places - self.offset) / self.length).astype(int)

    def estimate(
        self, nodes: Nodes, c: np.ndarray, power: float, n0: float, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean of h, complex [m], and its variance, float [m], at `places`; c complex [n]."""
        blocks, first = np.unique(self.block(nodes.places), return_index=True)
        e, c = np.add.reduceat(nodes.energies, first), np.add.reduceat(c, first)
        wanted = self.block(places)
        k = np.minimum(np.searchsorted(blocks, wanted), len(blocks) - 1)
        e, c = np.where(blocks[k] == wanted, e[k], 0), np.where(blocks[k] == wanted, c[k], 0)
        return power * c / (power * e + n0), power * n0 / (power * e + n0)


@dataclass(frozen=True)
class Doppler:
    """Scattered from all around, at most `spread` cycles a symbol (Clarke 1968): correlation J0(2 pi spread t).

    J0(x) is the mean of cos(x cos a) over equally spaced angles a, to within 1e-9 where there are some x / 2 of them
    (the midpoint rule of Abramowitz and Stegun 9.1.18): h is a sum of few waves, and evidence and estimate are a linear
    regression of their amplitudes (Rasmussen and Williams, 2006, section 2.1), however many nodes there are.
    """

    spread: float

    def __str__(self) -> str:
        return f"Doppler {self.spread:g}"

    def _regression(
        self, nodes: Nodes, power: float, n0: float, *more: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """The waves at the nodes, float [n, waves], the Cholesky factor of their amplitudes' precision times N0, and
        the waves at `more` places. Their amplitudes have the variance `power`."""
        ends = [end for places in (nodes.places, *more) for end in (places[0], places[-1])]
        waves = [
            _waves(self.spread, places.astype(float).tobytes(), min(ends), max(ends))
            for places in (nodes.places, *more)
        ]
        precision = waves[0].T @ (nodes.energies[:, None] * waves[0])
        precision[np.diag_indices_from(precision)] += n0 / power
        return waves[0], linalg.cholesky(precision, lower=True, overwrite_a=True, check_finite=False), waves[1:]

    def evidence(self, nodes: Nodes, c: np.ndarray, power: float, n0: float, turn: np.ndarray) -> np.ndarray:
        """`log_evidences` of this model: float [n, m]."""
        waves, root, _ = self._regression(nodes, power, n0)
        seen = (waves[:, :, None] * c[:, None, :]).reshape(len(c), -1).T @ turn
        white = linalg.solve_triangular(root, seen.reshape(len(root), -1), lower=True, check_finite=False)
        logdet = 2 * np.sum(np.log(np.diag(root))) - len(root) * np.log(n0 / power)
        return (np.sum(square(white), 0) / n0 - logdet).reshape(c.shape[1], -1)

    def estimate(
        self, nodes: Nodes, c: np.ndarray, power: float, n0: float, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `Blocks.estimate`; linear between places `GRID` apart."""
        grid = np.arange(places.min(), places.max() + GRID, GRID)
        waves, root, (there,) = self._regression(nodes, power, n0, grid)
        white = linalg.solve_triangular(root, waves.T @ c, lower=True, check_finite=False)
        gain = linalg.solve_triangular(root, there.T, lower=True, check_finite=False)
        mean, variance = gain.T @ white, n0 * np.sum(gain**2, 0)
        return np.interp(places, grid, mean), np.interp(places, grid, variance)


@lru_cache(maxsize=32)  # all headers have their nodes at the same places, and so have bursts of the same length
def _waves(spread: float, places: bytes, first: float, last: float) -> np.ndarray:
    """`Doppler`'s waves at places (bytes of float [n]) from `first` to `last`: float [n, waves], W W' = J0."""
    x = 2 * np.pi * spread * (last - first)
    pairs = int(np.ceil((x + 8 * np.cbrt(x) + 8) / 4))  # J_4pairs(x) < 1e-9; angles whose cosines are +- the same
    cosines = np.cos(np.pi * (np.arange(pairs) + 0.5) / (2 * pairs))
    phase = 2 * np.pi * spread * (np.frombuffer(places) - first)[:, None] * cosines
    return np.concatenate([np.cos(phase), np.sin(phase)], 1) / np.sqrt(pairs)


Model = Blocks | Doppler


def log_evidences(
    models: Sequence[Model], nodes: Nodes, c: np.ndarray, power: float, n0: float, turn: np.ndarray | None = None
) -> np.ndarray:
    """Log-likelihoods of c over that of noise alone by each model: float [models, n, m]. Nodes in order.

    Args:
        c: complex [nodes, n].
        turn: complex [nodes, m], factors of c, for each of which it is asked; absent: 1, and m = 1.
    """
    turn = np.ones((len(c), 1)) if turn is None else turn
    found = np.empty((len(models), c.shape[1], turn.shape[1]))
    steady = [isinstance(model, Blocks) for model in models]
    for k in np.flatnonzero(np.invert(steady)):
        found[k] = models[k].evidence(nodes, c, power, n0, turn)
    if any(steady):
        found[steady] = _blocks([model for model in models if isinstance(model, Blocks)], nodes, c, power, n0, turn)
    return found


def steady_evidence(nodes: Nodes, c: np.ndarray, power: float, n0: float) -> np.ndarray:
    """`log_evidences` of a static channel, whose nodes' c have the sums c, complex [...]: float [...]."""
    gain = power * np.sum(nodes.energies) / n0
    return square(c) * (power / n0**2 / (1 + gain)) - np.log1p(gain)


def _blocks(models: list[Blocks], nodes: Nodes, c: np.ndarray, power: float, n0: float, turn: np.ndarray) -> np.ndarray:
    """`log_evidences` of blocks, by the sums of c from the first node on at the places where they begin and end."""
    pieces = _pieces(tuple(models), nodes.places.tobytes())
    c, turn = (np.append(part, np.zeros((1, part.shape[1])), 0)[pieces.nodes] for part in (c, turn))
    sums = np.zeros((len(c) + 1, c.shape[2], turn.shape[2]), complex)
    np.cumsum(c.transpose(0, 2, 1) @ turn, axis=0, out=sums[1:])
    energy = np.add.reduceat(nodes.energies, pieces.nodes[:, 0])
    energy = np.append(0, np.cumsum(energy))
    e = energy[pieces.stop] - energy[pieces.start]
    gain = power * e / n0
    power_sums = square(sums[pieces.stop] - sums[pieces.start])
    power_sums *= (gain / (1 + gain) / (e * n0))[:, None, None]
    return np.add.reduceat(power_sums, pieces.models, 0) - np.add.reduceat(np.log1p(gain), pieces.models)[:, None, None]


class _Pieces(NamedTuple):
    """Stretches of nodes that no block of several models ends in, and the blocks made of them."""

    nodes: np.ndarray  # int [pieces, most nodes of one], in order; one more than there are fills up
    start: np.ndarray  # int [blocks], each one's first piece
    stop: np.ndarray  # ... and the one behind its last
    models: np.ndarray  # int [models], each one's first block


@lru_cache(maxsize=64)  # as `_waves`
def _pieces(models: tuple[Blocks, ...], places: bytes) -> _Pieces:
    block = np.array([model.block(np.frombuffer(places)) for model in models])
    count = block.shape[1]
    begins = np.diff(block, axis=1, prepend=block[:, :1] - 1) != 0  # bool [models, nodes]
    first = np.flatnonzero(begins.any(0))
    size = np.diff(first, append=count)
    nodes = np.arange(size.max())
    nodes = np.where(nodes < size[:, None], first[:, None] + nodes, count)
    model, start = np.nonzero(begins)
    stop = np.append(start[1:], 0)
    stop[stop == 0] = count
    start, stop = (np.searchsorted(first, at) for at in (start, stop))
    return _Pieces(nodes, start, stop, np.flatnonzero(np.diff(model, prepend=-1)))
