"""Log-probabilities of characters, a row for each that was sent, -> a text and how likely its words are."""

import numpy as np

from ..ctc.beam import LEAST, LanguageModel
from ..text import NOTHING, WRITTEN

WIDTH = 16  # texts kept a character
# Of ln p(text | English) beside ln p(text | what was received), which knows much of English itself: chosen on the
# validation splits (python -m deepsc_export calibrate).
WEIGHT = 0.45
LONGEST = 1500  # characters that are searched: more than anybody says in 60 s; what is behind them is spelled only
CERTAIN = np.log(0.95)  # where a character is as likely as this, no other is tried: English shall not overrule a name
SPACE = WRITTEN.index(" ")


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
    return _words(log_probs, log_probs.argmax(1))


class Speller:
    """The likeliest text by its rows and a language model, by a beam search."""

    def __init__(self, weight: float = WEIGHT, width: int = WIDTH):
        """Errors as of `LanguageModel`."""
        self._language, self._weight, self._width = LanguageModel(), weight, width

    def __call__(self, log_probs: np.ndarray) -> tuple[str, np.ndarray]:
        """As `spell`; where nothing is likeliest, nothing is read."""
        best = log_probs.argmax(1)
        rows = np.flatnonzero(best != NOTHING)[:LONGEST]
        first, state = self._language.start()
        score, after, states = np.zeros(1), first[None], state[None]
        last = np.array([SPACE])  # of each text: none begins with a space
        tokens, parents = [], []
        for row in log_probs[rows].astype(np.float64):
            likely = np.flatnonzero(row > LEAST) if row.max() < CERTAIN else row.argmax(keepdims=True)
            likely = likely[likely != NOTHING]
            total = score[:, None] + row[likely] + self._weight * after[:, likely]
            total[np.ix_(last == SPACE, likely == SPACE)] -= np.inf if len(likely) > 1 else 0
            kept = np.argsort(-total, axis=None)[: self._width]
            kept = kept[total.ravel()[kept] > -np.inf]
            parent, place = np.divmod(kept, len(likely))
            last, score = likely[place], total.ravel()[kept]
            after, states = self._language.step(last, states[parent])
            tokens.append(last)
            parents.append(parent)
        k = int(score.argmax())
        for row, token, parent in zip(rows[::-1], tokens[::-1], parents[::-1], strict=True):
            best[row], k = token[k], parent[k]
        return _words(log_probs, best)


def _words(log_probs: np.ndarray, tokens: np.ndarray) -> tuple[str, np.ndarray]:
    """The text of a token for each row, spaces at its ends and double ones left out, and ln p of its words."""
    kept = np.flatnonzero(tokens != NOTHING)
    surprise = log_probs[kept, tokens[kept]].astype(np.float64)
    letters = "".join(WRITTEN[token] for token in tokens[kept])
    inside = np.array([letter != " " for letter in letters], bool)
    starts = np.flatnonzero(inside & ~np.concatenate(([False], inside[:-1])))
    sums = np.add.reduceat(np.where(inside, surprise, 0), starts) if len(starts) else np.zeros(0)
    return " ".join(letters.split()), sums
