"""What the contextual codec learns from: spikes of real speech, and of texts that nobody spoke.

Each text's spikes are drawn, a character at a time, from what was emitted where it was spoken in real speech:
the right letter, another, or none; sometimes one that is too much.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from gr_deepsc.ctc.spikes import collapse, spelt
from gr_deepsc.text import BLANK, TOKENS, encode

from ..data.batches import by_length
from ..recogniser.features import Features

SPOKEN = 0.3  # share of the batches that are real speech
PARTS = 0.3  # share of the texts cut at random, so that short ones are known as well
LONGEST = 400  # characters
SILENT = 3  # blanks behind a text are fewer than this: a burst's frames have room for more than its characters


class Lesson(NamedTuple):
    """An utterance's spikes, float16 [n, 29], and what is to be read in each and behind it: int [n, 2] tokens."""

    spikes: np.ndarray
    tokens: np.ndarray


def align(spikes: np.ndarray, text: str) -> np.ndarray:
    """Which character each spike stands for, and which one is missing behind it; the blank for none.

    Of several that are missing in one place the first is kept: there is room for one.
    """
    letters = spikes[:, :BLANK].argmax(1)
    wanted = np.array(encode(text), int)
    tokens = np.full((len(letters), 2), BLANK)
    for op in Levenshtein.opcodes(letters.tolist(), wanted.tolist()):
        if op.tag in ("equal", "replace"):
            tokens[op.src_start : op.src_end, 0] = wanted[op.dest_start : op.dest_end]
        elif op.tag == "insert" and op.src_start:
            tokens[op.src_start - 1, 1] = wanted[op.dest_start]
    return tokens


def lessons(features: Features, read: Sequence[str] | None = None) -> list[Lesson]:
    """Of every utterance in which something is emitted; `read` are texts as the sender's beam decoder reads them."""
    if read is None:
        found = [collapse(p) for p in features.probabilities]
    else:
        found = [spelt(p.astype(np.float32), t) for p, t in zip(features.probabilities, read, strict=True)]
    return [
        Lesson(e.astype(np.float16), align(e, text)) for e, text in zip(found, features.texts, strict=True) if len(e)
    ]


@dataclass(frozen=True)
class Bank:
    """What was emitted for each character: rows `first[c]` to `first[c + 1]` of `vectors`, float16 [rows, 29].

    A row of zeros says that it was not emitted. `right[c]` of a character's rows come first: those that say it. The
    last class is what was emitted for nothing, behind `excess` of the characters.
    """

    vectors: np.ndarray
    first: np.ndarray
    right: np.ndarray
    excess: float

    @classmethod
    def of(cls, spoken: Sequence[Lesson]) -> "Bank":
        """What was emitted in lessons of real speech."""
        vectors = np.concatenate([lesson.spikes for lesson in spoken])
        tokens = np.concatenate([lesson.tokens for lesson in spoken])
        missing = tokens[:, 1][tokens[:, 1] != BLANK]
        vectors = np.concatenate([vectors, np.zeros((len(missing), TOKENS), np.float16)])
        classes = np.concatenate([tokens[:, 0], missing])
        wrong = vectors[:, :BLANK].argmax(1) != classes
        wrong[len(tokens) :] = True
        order = np.lexsort([wrong, classes])
        first = np.searchsorted(classes[order], np.arange(TOKENS + 1))
        right = np.bincount(classes[~wrong], minlength=TOKENS)
        return cls(vectors[order], first, right, float(np.mean(tokens[:, 0] == BLANK)))

    def speak(self, text: str, rng: np.random.Generator) -> Lesson:
        """The spikes of a text that nobody spoke, by a recogniser that errs more or less than ours."""
        wanted = np.array(encode(text), int)
        errs = rng.random(len(wanted)) < rng.random()
        count = np.where(errs, np.diff(self.first)[wanted], self.right[wanted])
        row = self.first[wanted] + (rng.random(len(wanted)) * count).astype(int)
        tokens = np.stack([wanted, np.full_like(wanted, BLANK)], 1)
        kept = self.vectors[row].any(1)
        gap = ~kept[1:] & kept[:-1]  # of a stretch that is missing, the first character
        tokens[:-1, 1][gap] = wanted[1:][gap]
        spikes, tokens = self.vectors[row[kept]], tokens[kept]
        after = np.flatnonzero(errs[kept] & (rng.random(len(tokens)) < self.excess)) + 1
        extra = rng.integers(self.first[BLANK], self.first[BLANK + 1], len(after))
        return Lesson(np.insert(spikes, after, self.vectors[extra], axis=0), np.insert(tokens, after, BLANK, axis=0))


def fill(lesson: Lesson, blanks: int) -> Lesson:
    """The same with blanks behind it, as `contextual.ContextualEncoder` fills a burst."""
    silence = np.tile(np.eye(TOKENS, dtype=np.float16)[BLANK], (blanks, 1))
    return Lesson(
        np.concatenate([lesson.spikes, silence]), np.concatenate([lesson.tokens, np.full((blanks, 2), BLANK)])
    )


def part(text: str, rng: np.random.Generator) -> str:
    """The text, or a part of it, at most `LONGEST` characters."""
    if rng.random() < PARTS:
        begin, end = sorted(rng.integers(len(text) + 1, size=2))
        text = " ".join(text[begin:end].split()) or text
    return text[:LONGEST]


def batches(
    spoken: Sequence[Lesson], texts: Sequence[str], characters: int, rng: np.random.Generator
) -> Iterator[list[Lesson]]:
    """Endless batches of lessons of similar length, padding included `characters` long."""
    bank = Bank.of(spoken)
    while True:
        chosen = [
            spoken[rng.integers(len(spoken))]
            if is_real
            else bank.speak(part(texts[rng.integers(len(texts))], rng), rng)
            for is_real in rng.random(4096) < SPOKEN
        ]
        chosen = [fill(lesson, rng.integers(SILENT)) for lesson in chosen if len(lesson.tokens)]
        yield from by_length(chosen, lambda each: len(each.tokens), characters, rng)
