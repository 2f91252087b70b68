"""Sentences of books and transcripts."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gr_deepsc.english import plain
from gr_deepsc.text import ALPHABET, WRITTEN

from .corpora import CorpusError, lj_split

CHARACTERS = (20, 180)  # sentences shorter or longer than this are left out
MARKS = ",.?!:"
_AS = {
    "’": "'", "‘": "'", "´": "'", "`": "'", ";": ",", "—": ", ", "–": ", ", "--": ", ", " - ": ", ", "...": ".",
    "(": ", ", ")": ", ", "[": ", ", "]": ", ", "/": " ",
}  # fmt: skip


def written(raw: str) -> str:
    """A transcript in the characters of written English; quotes go, dashes and brackets become commas."""
    text = raw
    for these, those in _AS.items():
        text = text.replace(these, those)
    text = unicodedata.normalize("NFKD", text)
    text = "".join(character for character in text if character in WRITTEN)
    text = re.sub(r"(?<!\w)'|(?<!s)'(?!\w)", "", text)  # quotes, but for "the boys' side"
    text = re.sub(rf"\s+([{MARKS}])", r"\1", " ".join(text.split()))
    text = re.sub(r"([,.?!:])[,:]+", r"\1", text)
    return text.strip(" ,:-") if text.startswith((",", ":", "-")) else text.strip()


def plain_letters(text: str) -> str:
    """A written text's small letters alone; digits go."""
    return " ".join("".join(c if c in ALPHABET else " " for c in text.lower()).split())


def sentences(path: Path, written_form: bool = False) -> list[str]:
    """Sentences of a text: LJSpeech's id|raw|normalised, LibriSpeech's .trans.txt, or plain prose.

    Normalised, or as they are written; LibriSpeech's, which are all capitals, in small letters. What LJSpeech's held
    out clips say is left out.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".csv":
        rows = [line.split("|") for line in lines]
        found = [row[1 if written_form else -1] for row in rows if lj_split(row[0]) == "train"]
    elif path.name.endswith(".trans.txt"):
        found = [line.split(" ", 1)[-1].lower() for line in lines]
    else:
        found = re.split(r"(?<=[.!?;:])\s+", " ".join(lines))
    shortest, longest = CHARACTERS
    return [text for text in map(written if written_form else plain, found) if shortest <= len(text) <= longest]


def all_sentences(paths: Sequence[Path], written_form: bool = False) -> list[str]:
    """Of several files, in their order.

    Raises:
        CorpusError: there are none.
    """
    found = [text for path in paths for text in sentences(path, written_form)]
    if not found:
        raise CorpusError(f"no sentence of {CHARACTERS[0]} to {CHARACTERS[1]} characters in the texts")
    return found


def held_out(paths: Sequence[Path], count: int, written_form: bool = False) -> tuple[list[str], list[str]]:
    """All sentences but `count`, in their order, and these, drawn at random, but the same each time, to validate with.

    Raises:
        CorpusError: there are no more than that.
    """
    found = all_sentences(paths, written_form)
    if len(found) <= count:
        raise CorpusError(f"{len(found)} sentences are too few: {count} are held out")
    order = np.random.default_rng(0).permutation(len(found))
    print(f"{len(found) - count:,} sentences, {sum(map(len, found)):,} characters")
    return [found[i] for i in sorted(order[count:])], [found[i] for i in order[:count]]
