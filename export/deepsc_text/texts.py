"""What the text transformer learns from: sentences, parts of them, and misspelt ones as a recogniser writes them."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from gr_deepsc.text import ALPHABET, encode

from ..data.batches import by_length
from .model import LONGEST

PARTS = 0.4  # share of sentences cut at random, so that short texts are known as well
MISSPELT = 0.5  # share of sentences with errors, of which each character has one with a probability up to ...
ERRORS = 0.15


def misspell(text: str, rate: float, rng: np.random.Generator) -> str:
    """Characters dropped, replaced or doubled, each with a third of `rate`."""
    letters = list(ALPHABET)
    out = []
    for character, draw in zip(text, rng.random(len(text)), strict=True):
        if draw < rate / 3:
            continue
        out.append(str(rng.choice(letters)) if draw < 2 * rate / 3 else character)
        if 2 * rate / 3 <= draw < rate:
            out.append(character)
    return " ".join("".join(out).split())


def vary(text: str, rng: np.random.Generator) -> str:
    """A training text of 1 to `LONGEST` characters."""
    if rng.random() < PARTS:
        begin, end = sorted(rng.integers(len(text) + 1, size=2))
        text = " ".join(text[begin:end].split()) or text
    if rng.random() < MISSPELT:
        text = misspell(text, rng.uniform(0, ERRORS), rng) or text
    return text[:LONGEST].strip()


def padded(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Tokens int64 [batch, n], 0 beyond each text's end, and the characters of each, int64 [batch]."""
    rows = [torch.tensor(encode(text)) for text in texts]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])


def batches(texts: Sequence[str], characters: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Endless batches of varied texts of similar length, padding included `characters` long."""
    while True:
        chosen = [vary(texts[i], rng) for i in rng.permutation(len(texts))[:4096]]
        yield from by_length([text for text in chosen if text], len, characters, rng)
