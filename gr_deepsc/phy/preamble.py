"""The preambles: a Zadoff-Chu up-chirp before the header and its conjugate, a down-chirp, behind it.

A carrier offset of f cycles a symbol looks to an up-chirp of N symbols like a start f N symbols too early and to the
down-chirp like one as much too late (Chu, IEEE Trans. Inf. Theory, 1972: a chirp's delay and frequency are one).
Half the sum of the two delays is the time, half their difference the frequency: two correlations find both, where
any other sequence needs one for every frequency.

There are two. `LONG` is found and read where the payload is at -10 dB. Where a codec needs more than that, it would be
most of the burst, for nothing: `SHORT` works from -5 dB on. It is about as long as two blocks of fading, so that a
channel that fades loses more of the bursts that begin with it.
"""

from functools import cached_property

import numpy as np

MAX_CFO = 0.1  # cycles a symbol, either way


class Preamble:
    """How long chirps and header of a burst are.

    Attributes:
        name: for people.
        chirp: symbols of each of the two.
        header: QPSK symbols between them, without pilots.
    """

    def __init__(self, name: str, chirp: int, header: int) -> None:
        self.name, self.chirp, self.header = name, chirp, header

    def sweep(self, n: np.ndarray) -> np.ndarray:
        """Symbols `n` of the up-chirp, 0 to chirp - 1, or of its continuation either way: complex64, |.| = 1."""
        return np.exp(1j * np.pi * (n - (self.chirp - 1) / 2) ** 2 / self.chirp).astype(np.complex64)

    @cached_property
    def up(self) -> np.ndarray:
        """complex64 [chirp]."""
        return self.sweep(np.arange(self.chirp))

    @cached_property
    def down(self) -> np.ndarray:
        """complex64 [chirp]."""
        return self.up.conj()


LONG, SHORT = Preamble("long", 144, 448), Preamble("short", 56, 144)
PREAMBLES = {each.name: each for each in (LONG, SHORT)}
