"""The channel between known symbols, estimated as a Gaussian process; the process is chosen by its evidence.

Every stretch of known symbols is a node: c = sum x* y over its symbols, e = sum |x|^2 their energy. With a channel h
that is constant over the node, c / e = h + noise of variance N0 / e. A model says how h at two places is correlated;
its marginal likelihood given the nodes (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006,
eq. 2.30) weighs fit against freedom, and its posterior mean is the Wiener estimate of h everywhere, with the error
that the equaliser must know.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg, special

from .exact import product, square

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

    def _block(self, places: np.ndarray) -> np.ndarray:
        if np.isinf(self.length):
            return np.zeros(len(places), int)
        return np.floor((places - self.offset) / self.length).astype(int)

    def _sums(self, nodes: Nodes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Blocks that hold nodes, the first node of each, their energies."""
        blocks, first = np.unique(self._block(nodes.places), return_index=True)
        return blocks, first, np.add.reduceat(nodes.energies, first)

    def evidence(
        self, nodes: Nodes, c: np.ndarray, power: float, n0: float, turn: np.ndarray | None = None
    ) -> np.ndarray:
        """Log-likelihood of c over that of noise alone, nodes in order.

        Args:
            c: complex [n, ...].
            turn: complex [n, m]: the likelihood of c[:, k] * turn[:, m], for c of [n, k].

        Returns:
            float [...], or [k, m].
        """
        _, first, e = self._sums(nodes)
        if turn is None:
            c = np.add.reduceat(c, first, axis=0)
        else:
            last = [*first[1:], len(c)]
            c = np.stack([c[i:j].T @ turn[i:j] for i, j in zip(first, last, strict=True)])
        e = e.reshape(-1, *[1] * (c.ndim - 1))
        gain = power * e / n0
        return np.sum(square(c) / (e * n0) * (gain / (1 + gain)) - np.log1p(gain), axis=0)

    def estimate(
        self, nodes: Nodes, c: np.ndarray, power: float, n0: float, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean of h, complex [m], and its variance, float [m], at `places`."""
        blocks, first, e = self._sums(nodes)
        c = np.add.reduceat(c, first, axis=0)
        wanted = self._block(places)
        k = np.minimum(np.searchsorted(blocks, wanted), len(blocks) - 1)
        e, c = np.where(blocks[k] == wanted, e[k], 0), np.where(blocks[k] == wanted, c[k], 0)
        return power * c / (power * e + n0), power * n0 / (power * e + n0)


@dataclass(frozen=True)
class Doppler:
    """Scattered from all around, at most `spread` cycles a symbol (Clarke 1968): correlation J0(2 pi spread t)."""

    spread: float

    def __str__(self) -> str:
        return f"Doppler {self.spread:g}"

    def _correlation(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return special.j0(2 * np.pi * self.spread * (a[:, None] - b))

    def _root(self, nodes: Nodes, power: float, n0: float) -> tuple[np.ndarray, np.ndarray]:
        """Cholesky factor of the covariance of c / sqrt(e) over N0, and sqrt(e)."""
        amplitude = np.sqrt(nodes.energies)
        # in eighths of a symbol many differences are the same
        steps = np.round(8 * (nodes.places - nodes.places[0])).astype(int)
        table = self._correlation(np.arange(steps[-1] + 1) / 8, np.zeros(1))[:, 0]
        covariance = table[np.abs(steps[:, None] - steps)] * np.outer(power / n0 * amplitude, amplitude)
        covariance[np.diag_indices_from(covariance)] += 1
        return linalg.cholesky(covariance, lower=True, overwrite_a=True, check_finite=False), amplitude

    def evidence(
        self, nodes: Nodes, c: np.ndarray, power: float, n0: float, turn: np.ndarray | None = None
    ) -> np.ndarray:
        """As `Blocks.evidence`."""
        if turn is not None:
            c = product(c[:, :, None], turn[:, None])
        root, amplitude = self._root(nodes, power, n0)
        s = c.reshape(len(c), -1) / amplitude[:, None]
        white = linalg.solve_triangular(root, s, lower=True, check_finite=False)
        fit = (np.sum(square(s), 0) - np.sum(square(white), 0)) / n0
        return (fit - 2 * np.sum(np.log(np.diag(root)))).reshape(c.shape[1:])

    def estimate(
        self, nodes: Nodes, c: np.ndarray, power: float, n0: float, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `Blocks.estimate`; linear between places `GRID` apart."""
        root, amplitude = self._root(nodes, power, n0)
        grid = np.arange(places.min(), places.max() + GRID, GRID)
        gain = power / n0 * self._correlation(nodes.places, grid) * amplitude[:, None]
        gain = linalg.solve_triangular(root, gain, lower=True, check_finite=False)
        white = linalg.solve_triangular(root, c / amplitude, lower=True, check_finite=False)
        mean, variance = gain.T @ white, power - n0 * np.sum(gain**2, 0)
        return np.interp(places, grid, mean), np.interp(places, grid, variance)


Model = Blocks | Doppler
