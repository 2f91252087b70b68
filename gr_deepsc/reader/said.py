"""What a reader has read: a text, and how sure it is of every character."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Said(NamedTuple):
    """A text of `text.WRITTEN` characters."""

    text: str
    sure: np.ndarray  # float32 [len(text)], 0..1: a word's probability of being right is the product of its characters'


SILENCE = Said("", np.zeros(0, np.float32))


def word(text: str, right: float) -> Said:
    """A word and the probability that it is right, which is the product of its characters'.

    >>> word("so", 0.25)
    Said(text='so', sure=array([0.5, 0.5], dtype=float32))
    """
    return Said(text, np.full(len(text), right ** (1 / len(text)), np.float32))


def joined(parts: Iterable[Said]) -> Said:
    """The parts in a row, a sure space between them; empty ones left out.

    >>> joined([word("so", 0.25), SILENCE, word("I", 0.25)])
    Said(text='so I', sure=array([0.5 , 0.5 , 1.  , 0.25], dtype=float32))
    """
    full = [part for part in parts if part.text]
    if not full:
        return SILENCE
    sure = np.concatenate([np.append(part.sure, np.float32(1)) for part in full])
    return Said(" ".join(part.text for part in full), sure[:-1])
