"""What is sent of an utterance: its text, and how sure the sender is of it."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Said(NamedTuple):
    """A text and the sureness of each of its characters."""

    text: str  # characters of `text.WRITTEN`
    sure: np.ndarray  # float32 [characters], 0..1, the probability that it is right; the same within a word


NOTHING = Said("", np.zeros(0, np.float32))


def joined(parts: Iterable[Said]) -> Said:
    """The parts in a row, a space between them that is as sure as what it follows; empty ones left out.

    >>> joined([Said("so", np.float32([0.5, 0.5])), Said("I", np.float32([0.25]))])
    Said(text='so I', sure=array([0.5 , 0.5 , 0.5 , 0.25], dtype=float32))
    """
    full = [part for part in parts if part.text]
    if not full:
        return NOTHING
    sure = np.concatenate([np.append(part.sure, part.sure[-1]) for part in full])
    return Said(" ".join(part.text for part in full), sure[:-1])
