"""How far each word of a received text can be trusted.

A word's letters and the blanks between them are a stretch of CTC's steps; the product of their probabilities is the
word's, if the decoder were right about itself. It is not: `calibrated` says which share of such words was right on the
validation splits (python -m deepsc_export.calibrate).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from .text import BLANK, encode

DOUBTFUL = 0.5  # confidence below which a word is marked where text is shown
MARK = "?"  # behind a doubtful word


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
    return list(map(Word, texts, found)) if len(found) == len(texts) else []


def words(log_probs: np.ndarray, text: str, calibration: Calibration) -> list[Word]:
    """The words of `text` and their confidence.

    Args:
        log_probs: float32 [steps, 29], natural logarithms.
        text: that was read from them, in whatever way.
    """
    found = probabilities(log_probs, text)
    confidence = expit(calibration.offset + calibration.slope * found)
    return [Word(word, float(c)) for word, c in zip(text.split(), confidence, strict=True)]


def probabilities(log_probs: np.ndarray, text: str) -> np.ndarray:
    """ln p of each word: float64 [words]; -inf where there are fewer steps than letters."""
    tokens = encode(text)
    path = align(log_probs, tokens)
    if path is None:
        return np.full(len(text.split()), -np.inf)
    labels = _labels(tokens)
    steps = log_probs[np.arange(len(path)), labels[path]].astype(np.float64)
    space = np.array([character == " " for character in text], bool)
    number = np.cumsum(space) * ~space - space  # of the word that each character is in, -1 for a space
    found = []
    for k in range(len(text.split())):
        first, last = np.flatnonzero(number == k)[[0, -1]]
        inside = (path >= 2 * first + 1) & (path <= 2 * last + 1)
        found.append(steps[inside].sum())
    return np.array(found)


def align(log_probs: np.ndarray, tokens: list[int]) -> np.ndarray | None:
    """The likeliest way through `tokens` (Viterbi): of each step, its place in blank, token, blank, token, ..., blank.

    Returns:
        int [steps]; None where there are too few steps.
    """
    labels = _labels(tokens)
    may_skip = np.zeros(len(labels), bool)  # the blank between different letters need not be
    may_skip[3::2] = labels[3::2] != labels[1:-2:2]
    best = np.full(len(labels), -np.inf)
    best[:2] = log_probs[0, labels[:2]] if len(log_probs) else -np.inf
    came = np.zeros((len(log_probs), len(labels)), np.int8)
    for t in range(1, len(log_probs)):
        stay, step = best, np.concatenate(([-np.inf], best[:-1]))
        skip = np.where(may_skip, np.concatenate(([-np.inf, -np.inf], best[:-2]))[: len(best)], -np.inf)
        choices = np.stack([stay, step, skip])
        came[t] = choices.argmax(0)
        best = choices.max(0) + log_probs[t, labels]
    end = len(labels) - 1 - int(len(labels) > 1 and best[-2] > best[-1])
    if not len(log_probs) or best[end] == -np.inf:
        return None
    path = np.empty(len(log_probs), int)
    for t in reversed(range(len(log_probs))):
        path[t] = end
        end -= came[t, end]
    return path


def _labels(tokens: list[int]) -> np.ndarray:
    """Blank, token, blank, token, ..., blank."""
    labels = np.full(2 * len(tokens) + 1, BLANK)
    labels[1::2] = tokens
    return labels
