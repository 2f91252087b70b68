"""What the codec with context learns from: written texts, and how sure a reader might be of their characters."""

from collections.abc import Iterator, Sequence
from string import ascii_lowercase

import numpy as np

from gr_deepsc.codec.letters import LEAST, letters
from gr_deepsc.reader.said import Said
from gr_deepsc.text import NOTHING, WRITTEN_TOKENS

from ..data.batches import by_length
from ..data.texts import plain_letters

JOINED = (0.7, 0.2, 0.1)  # shares of the texts that are one, two and three sentences
PLAIN = 0.15  # share in small letters without signs: what a reader by CTC writes
PARTS = 0.15  # share cut at random, so that short ones are known as well
LONGEST = 450  # characters
ODD = 0.1  # share of the words that are replaced by what no text has: context shall not overrule names and numbers
FORMS = (
    "{}",
    "{}",
    "{}%",
    "${}",
    "${}.{}",
    "£{}",
    "{}.{}",
    "{}:{}",
    "{}-{}",
    "{},0{}",
    "{} & {}",
    "{}?",
    "{}%.",
    "{}%,",
    "i.e. {}",
    "No. {}",
)
DOUBTED = 0.15  # share of the words that a reader is less than nearly sure of
SILENT = 3  # nothings behind a text are fewer than this: a burst's frames have room for more than its characters


def passage(sentences: Sequence[str], rng: np.random.Generator) -> str:
    """A few sentences in their order, or a part of them, at most `LONGEST` characters."""
    first = int(rng.integers(len(sentences)))
    text = " ".join(sentences[first : first + 1 + int(rng.choice(len(JOINED), p=JOINED))])
    if rng.random() < PARTS:
        begin, end = sorted(rng.integers(len(text) + 1, size=2))
        text = " ".join(text[begin:end].split()) or text
    text = " ".join(odd(word, rng) if rng.random() < ODD else word for word in text.split())
    if rng.random() < PLAIN:
        text = plain_letters(text) or text
    return text[:LONGEST]


def odd(word: str, rng: np.random.Generator) -> str:
    """A number or a sum, or as many letters at random, in small letters, with a capital in front, or all capitals."""
    if rng.random() < 0.6:
        number, rest = "".join(map(str, rng.integers(10, size=rng.integers(1, 6)))), f"{rng.integers(100):02d}"
        return str(rng.choice(FORMS)).format(number, rest)
    letters = "".join(rng.choice(list(ascii_lowercase), len(word)))
    forms = letters, letters.capitalize(), letters.upper(), f"{letters.upper()}{rng.integers(1000)}"
    return forms[rng.choice(4, p=(0.25, 0.5, 0.1, 0.15))]


def said(text: str, rng: np.random.Generator) -> Said:
    """The text as it may be read: all characters of a word equally sure, most of the words nearly sure."""
    word = np.cumsum([character == " " for character in text])
    count = int(word[-1]) + 1
    doubt = np.where(rng.random(count) < DOUBTED, rng.random(count) * (1 - LEAST), 0.02 * rng.random(count))
    return Said(text, (1 - doubt[word]).astype(np.float32))


def batches(sentences: Sequence[str], characters: int, rng: np.random.Generator) -> Iterator[list[np.ndarray]]:
    """Endless batches of `letters`, float32 [n, 75], of similar length; padding included, `characters` in all."""
    nothing = np.eye(WRITTEN_TOKENS, dtype=np.float32)[[NOTHING]]
    while True:
        chosen = [letters(said(passage(sentences, rng), rng)) for _ in range(2048)]
        chosen = [np.concatenate([each, nothing.repeat(rng.integers(SILENT), axis=0)]) for each in chosen if len(each)]
        yield from by_length(chosen, len, characters, rng)
