"""Sentences and their phones, to teach the text encoder with how letters sound: CMUdict, as the voices carry it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gr_deepsc.voice.pronunciation import dictionary

VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = (
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG",
    "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
# ARPAbet with stress (unstressed, primary, secondary), then the space between words.
SYMBOLS = (*(vowel + stress for vowel in VOWELS for stress in "012"), *CONSONANTS, " ")
BLANK = len(SYMBOLS)
_INDEX = {symbol: index for index, symbol in enumerate(SYMBOLS)}


def ctc_loss(logits: Tensor, counts: Tensor, known: Sequence[list[int] | None]) -> Tensor:
    """A phone's mean loss over the sentences whose phones are known.

    Args:
        logits: [batch, 2 * n, BLANK + 1], two for each token.
        counts: int64 [batch], tokens.
        known: each sentence's indices into `SYMBOLS`; None or empty: not known.
    """
    rows = [i for i, found in enumerate(known) if found]
    if not rows:
        return logits.new_zeros(())
    log_probs = logits[rows].float().log_softmax(-1).transpose(0, 1)
    targets = [known[i] for i in rows]
    return F.ctc_loss(
        log_probs,
        torch.tensor([phone for target in targets for phone in target], device=logits.device),
        2 * counts[rows],
        torch.tensor([len(target) for target in targets], device=logits.device),
        blank=BLANK,
        zero_infinity=True,
    )


class Pronunciations:
    """Sentences and single words of which every pronunciation is known."""

    def __init__(self, texts: Sequence[str]):
        """`texts` are normalised; those with a word that is not in the dictionary are left out."""
        self._words = {word: [_INDEX[phone] for phone in found] for word, found in dictionary().items()}
        self._list = list(self._words)
        self.texts = [text for text in texts if all(word in self._words for word in text.split())]

    def phones(self, text: str) -> list[int] | None:
        """Indices into `SYMBOLS`, None if a word is not in the dictionary."""
        found: list[int] = []
        for word in text.split():
            if word not in self._words:
                return None
            found += [*self._words[word], _INDEX[" "]]
        return found[:-1]

    def sample(self, count: int, rng: np.random.Generator, words: int = 3) -> list[str]:
        """`count` sentences, each with a few random words of the dictionary behind it: names and rare words."""
        sentences = [self.texts[i] for i in rng.integers(len(self.texts), size=count)]
        extra = rng.integers(len(self._list), size=(count, words))
        return [" ".join([s, *(self._list[i] for i in row)]) for s, row in zip(sentences, extra, strict=True)]
