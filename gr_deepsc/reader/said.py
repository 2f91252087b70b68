"""What a reader has read: a text, and how sure it is of every character."""

import re
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


def words(said: Said) -> np.ndarray:
    """The probability of each word to be right: float64 [words].

    >>> words(joined([word("so", 0.25), word("I", 0.5)])).round(3)
    array([0.25, 0.5 ])
    """
    spans = (found.span() for found in re.finditer(r"\S+", said.text))
    return np.array([said.sure[start:stop].prod(dtype=float) for start, stop in spans])


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
