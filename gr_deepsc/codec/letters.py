"""What the channel encoder is given of a text: its characters, and how sure its reader is of each."""

import numpy as np

from ..reader.said import Said
from ..text import NOTHING, WRITTEN, WRITTEN_TOKENS, encode

# Least that a character is sent as sure of: below a half, a receiver would read nothing in its place.
LEAST = 0.55


def letters(said: Said) -> np.ndarray:
    """Float32 [characters, 75], probabilities of the characters and of nothing.

    >>> found = letters(Said("Hi", np.array([0.9, 1], np.float32)))
    >>> found[:, [*encode("Hi", WRITTEN), NOTHING]].round(2)
    array([[0.9, 0. , 0.1],
           [0. , 1. , 0. ]], dtype=float32)
    """
    found = np.zeros((len(said.text), WRITTEN_TOKENS), np.float32)
    sure = np.clip(said.sure, LEAST, 1)
    found[np.arange(len(found)), encode(said.text, WRITTEN)] = sure
    found[:, NOTHING] = 1 - sure
    return found
