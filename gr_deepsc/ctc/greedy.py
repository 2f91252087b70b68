"""Greedy CTC decoding (Weng et al., section IV-C)."""

import numpy as np

from ..text import ALPHABET, BLANK


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Natural logarithms of P, float32 [frames, 29], none of them infinite."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def greedy(log_probs: np.ndarray) -> tuple[str, float]:
    """The most likely token of each frame, repeats merged, blanks dropped.

    >>> tokens = [20, 20, BLANK, 15, BLANK, 15]  # t t - o - o
    >>> probabilities = np.full((6, 29), 0.1 / 28)
    >>> probabilities[np.arange(6), tokens] = 0.9
    >>> text, confidence = greedy(logarithms(probabilities))
    >>> text, round(confidence, 3)
    ('too', 0.9)

    Args:
        log_probs: float32 [frames, 29], natural logarithms.

    Returns:
        The text, and the mean probability of the frames' best tokens as a confidence in 0..1 (0 for no frames).
    """
    if len(log_probs) == 0:
        return "", 0.0
    best = log_probs.argmax(axis=1)
    first_of_run = np.concatenate(([True], best[1:] != best[:-1]))
    kept = best[first_of_run & (best != BLANK)]
    text = "".join(ALPHABET[index] for index in kept)
    return " ".join(text.split()), float(np.exp(log_probs.max(axis=1)).mean())
