"""The likeliest text of a decoder that writes one token after the other: greedily, or by a beam search.

Both end in bounded time: at so many tokens, or where the text goes round in circles.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# A decoder's step: which texts go on (of those of the last step), and the token that each is given; returns
# log-probabilities float32 [texts, tokens] of what comes next.
Step = Callable[[list[int], list[int]], np.ndarray]

# Copies of n tokens in a row with which a text ends. People say "no, no, no"; a loop of the decoder has no end.
MOST_COPIES = {1: 8, 2: 8}
MOST_COPIES_OF_MORE = 4
LONGEST_COPY = 32  # tokens
LEAST = 1e-6
# A text of a beam ends only where the end is not less likely than the likeliest by more than this factor's logarithm:
# a text cut short has fewer words to be wrong.
EARLY = np.log(2)


class Text(NamedTuple):
    """Tokens, and ln of the probability that each was given, as if there were no marks beside it."""

    tokens: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    total: float = 0.0  # with the end's, where it has ended

    @property
    def score(self) -> float:
        """The mean of a token, the end among them: long texts are not at a disadvantage."""
        return self.total / (len(self.tokens) + 1)


def search(first: np.ndarray, step: Step, end: int, marks: np.ndarray, longest: int, beam: int = 1) -> Text:
    """The best text found.

    Args:
        first: float32 [tokens], log-probabilities of the first token; -inf where it may not be.
        end: the token that ends a text; not in what is returned.
        marks: tokens without a letter; a word is not in doubt where only a comma before it is.
        longest: tokens of a text.
        beam: texts that are followed; 1 is greedy.
    """
    texts, log_probs, done = [Text()], first[None], []
    while texts:
        grown = []
        for k, (text, row) in enumerate(zip(texts, log_probs, strict=True)):
            likeliest = np.argpartition(row, -beam - 1)[-beam - 1 :] if beam > 1 else [row.argmax()]
            least = {end: row.max() - EARLY}
            grown += [
                (text.total + float(row[token]), k, int(token))
                for token in likeliest
                if row[token] > least.get(token, -np.inf)
            ]
        previous, texts = texts, []
        parents: list[int] = []
        tokens: list[int] = []
        for total, k, token in sorted(grown, reverse=True):
            before = previous[k]
            if token == end:
                done.append(Text(before.tokens, before.log_probs, total))
            elif len(texts) < beam:
                text = Text((*before.tokens, token), (*before.log_probs, _share(log_probs[k], token, marks)), total)
                if len(text.tokens) >= longest or circles(text.tokens):
                    done.append(text)
                else:
                    texts, parents, tokens = [*texts, text], [*parents, k], [*tokens, token]
            if len(texts) == beam or len(done) >= beam:
                break
        if len(done) >= beam:
            break
        log_probs = step(parents, tokens) if texts else log_probs
    return max(done, key=lambda text: text.score, default=Text())


def _share(log_probs: np.ndarray, token: int, marks: np.ndarray) -> float:
    """ln of a token's share of all but the marks."""
    rest = 1.0 - np.exp(log_probs[marks[marks != token]], dtype=np.float64).sum()
    return min(float(log_probs[token] - np.log(max(rest, LEAST))), 0.0)


def circles(tokens: tuple[int, ...]) -> bool:
    """Whether the same stands at the end too many times in a row."""
    for n in range(1, min(len(tokens) // 2, LONGEST_COPY) + 1):
        copies = MOST_COPIES.get(n, MOST_COPIES_OF_MORE)
        last = tokens[-n:]
        if len(tokens) >= n * copies and tokens[-n * copies :] == last * copies:
            return True
    return False
