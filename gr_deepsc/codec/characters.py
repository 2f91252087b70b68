"""Log-probabilities of characters, a row for each that was sent, -> a text and how likely its words are."""

import numpy as np

from ..text import NOTHING, WRITTEN


def spell(log_probs: np.ndarray) -> tuple[str, np.ndarray]:
    """The likeliest character of each row.

    >>> rows = np.log(np.full((3, NOTHING + 1), 0.2 / NOTHING))
    >>> rows[[0, 1, 2], [WRITTEN.index("N"), WRITTEN.index("o"), NOTHING]] = np.log(0.8)
    >>> text, found = spell(rows)
    >>> text, np.exp(found).round(2).tolist()  # 0.8 * 0.8
    ('No', [0.64])

    Args:
        log_probs: float32 [characters, 75], natural logarithms.

    Returns:
        The text, and ln p of each word, the product of its characters' probabilities: float64 [words].
    """
    best = log_probs.argmax(1)
    kept = best != NOTHING
    letters = [WRITTEN[token] for token in best[kept]]
    surprise = log_probs.max(1, initial=-np.inf).astype(np.float64)[kept]
    words: list[str] = []
    found: list[float] = []
    inside = False
    for letter, ln_p in zip(letters, surprise, strict=True):
        if letter == " ":
            inside = False
        elif inside:
            words[-1] += letter
            found[-1] += ln_p
        else:
            words.append(letter)
            found.append(ln_p)
            inside = True
    return " ".join(words), np.array(found)
