"""The preamble: a Zadoff-Chu up-chirp and its conjugate, a down-chirp.

A carrier offset of f cycles a symbol looks to the up-chirp like a start f * CHIRP symbols too early and to the
down-chirp like one as much too late (Chu, IEEE Trans. Inf. Theory, 1972: a chirp's delay and frequency are one).
Half the sum of the two delays is the time, half their difference the frequency: two correlations find both, where
any other sequence needs one for every frequency.
"""

import numpy as np

CHIRP = 208  # symbols of each of the two
MAX_CFO = 0.1  # cycles a symbol, either way

_n = np.arange(CHIRP) - (CHIRP - 1) / 2
UP = np.exp(1j * np.pi * _n**2 / CHIRP).astype(np.complex64)
DOWN = UP.conj()
PREAMBLE = np.concatenate([UP, DOWN])  # complex64 [2 * CHIRP], |x| = 1
