"""How far each word of a received text can be trusted.

A word's letters and the blanks between them are a stretch of CTC's steps; the product of their probabilities is the
word's, if the decoder were right about itself. It is not: a `Calibration` says which share of such words was right on
the validation splits (python -m deepsc_export calibrate).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from ..text import encode
from .align import align, labels

DOUBTFUL = 0.5  # confidence below which a word is marked where text is shown
UNRELIABLE = "unreliable"  # the error of a text of which no word can be relied on
MARK = "(?)"  # behind a doubtful word; the alphabet has no brackets, so it is never a part of the text


class Word(NamedTuple):
    """A word of the text and the probability, 0..1, that it was said."""

    word: str
    confidence: float


class Calibration(NamedTuple):
    """Confidence = 1 / (1 + exp(-(offset + slope ln p))), p the word's probability (Platt 1999)."""

    slope: float
    offset: float


def marked(words: list[Word], least: float = DOUBTFUL) -> str:
    """The text with `MARK` behind every word whose confidence is below `least`."""
    return " ".join(word.word + MARK * (word.confidence < least) for word in words)


def dump(words: list[Word]) -> str:
    """The words' confidences as metadata carry them: two decimals each, a space between."""
    return " ".join(f"{word.confidence:.2f}" for word in words)


def load(text: str, dumped: str) -> list[Word]:
    """The words of `text` and what `dump` made of their confidences; no words where the two do not fit together."""
    try:
        found = list(map(float, dumped.split()))
    except ValueError:
        found = []
    texts = text.split()
    sound = len(found) == len(texts) and all(0 <= confidence <= 1 for confidence in found)
    return list(map(Word, texts, found)) if sound else []


def calibrated(text: str, ln_p: np.ndarray, calibration: Calibration) -> list[Word]:
    """The words of `text` and their confidence, given ln p of each: float64 [words]."""
    confidence = expit(calibration.offset + calibration.slope * ln_p)
    return [Word(word, float(c)) for word, c in zip(text.split(), confidence, strict=True)]


def probabilities(log_probs: np.ndarray, text: str) -> np.ndarray:
    """ln p of each word of `text`, in whatever way it was read from `log_probs`, float32 [steps, 29].

    Returns:
        float64 [words]; -inf where there are fewer steps than letters.
    """
    tokens = encode(text)
    path = align(log_probs, tokens)
    if path is None:
        return np.full(len(text.split()), -np.inf)
    steps = log_probs[np.arange(len(path)), labels(tokens)[path]].astype(np.float64)
    space = np.array([character == " " for character in text], bool)
    number = np.cumsum(space) * ~space - space  # of the word that each character is in, -1 for a space
    found = []
    for k in range(len(text.split())):
        first, last = np.flatnonzero(number == k)[[0, -1]]
        inside = (path >= 2 * first + 1) & (path <= 2 * last + 1)
        found.append(steps[inside].sum())
    return np.array(found)
