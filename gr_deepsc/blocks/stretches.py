"""A stream in stretches of equal length, for what looks at it some times a second."""

from collections.abc import Iterator

import numpy as np


class Stretches:
    """Joins the pieces in which a stream comes; samples that are no numbers become 0."""

    def __init__(self, length: int) -> None:
        """`length`: samples."""
        self._length = self._due = length
        self._pieces: list[np.ndarray] = []

    def push(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        """Each stretch, complex64 [length], that ends in complex64 [n]; they are copies."""
        begin = 0
        while begin < len(samples):
            piece = samples[begin : begin + self._due]
            self._pieces.append(piece.copy())
            begin, self._due = begin + len(piece), self._due - len(piece)
            if self._due == 0:
                yield np.nan_to_num(np.concatenate(self._pieces), posinf=0.0, neginf=0.0)
                self._pieces, self._due = [], self._length
