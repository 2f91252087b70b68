"""The preamble: a Zadoff-Chu up-chirp before the header and its conjugate, a down-chirp, behind it.

A carrier offset of f cycles a symbol looks to the up-chirp like a start f * CHIRP symbols too early and to the
down-chirp like one as much too late (Chu, IEEE Trans. Inf. Theory, 1972: a chirp's delay and frequency are one).
Half the sum of the two delays is the time, half their difference the frequency: two correlations find both, where
any other sequence needs one for every frequency.
"""

import numpy as np

CHIRP = 144  # symbols of each of the two
MAX_CFO = 0.1  # cycles a symbol, either way


def chirp(n: np.ndarray) -> np.ndarray:
    """Symbols `n` of the up-chirp, 0 to CHIRP - 1, or of its continuation either way: complex64, |.| = 1."""
    return np.exp(1j * np.pi * (n - (CHIRP - 1) / 2) ** 2 / CHIRP).astype(np.complex64)


UP = chirp(np.arange(CHIRP))
DOWN = UP.conj()
