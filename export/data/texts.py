"""Sentences of books and transcripts."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .corpora import CorpusError, lj_split
from .normalise import normalise

CHARACTERS = (20, 180)  # sentences shorter or longer than this are left out


def sentences(path: Path) -> list[str]:
    """Normalised sentences of a text: LJSpeech's id|raw|normalised, LibriSpeech's .trans.txt, or plain prose.

    What LJSpeech's held out clips say is left out.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".csv":
        rows = [line.split("|") for line in lines]
        found = [row[-1] for row in rows if lj_split(row[0]) == "train"]
    elif path.name.endswith(".trans.txt"):
        found = [line.split(" ", 1)[-1] for line in lines]
    else:
        found = re.split(r"(?<=[.!?;:])\s+", " ".join(lines))
    shortest, longest = CHARACTERS
    return [text for text in map(normalise, found) if shortest <= len(text) <= longest]


def all_sentences(paths: Sequence[Path]) -> list[str]:
    """Of several files.

    Raises:
        CorpusError: there are none.
    """
    found = [text for path in paths for text in sentences(path)]
    if not found:
        raise CorpusError(f"no sentence of {CHARACTERS[0]} to {CHARACTERS[1]} characters in the texts")
    return found


def held_out(paths: Sequence[Path], count: int) -> tuple[list[str], list[str]]:
    """All sentences but `count`, and these, drawn at random, but the same each time, to validate with.

    Raises:
        CorpusError: there are no more than that.
    """
    found = all_sentences(paths)
    if len(found) <= count:
        raise CorpusError(f"{len(found)} sentences are too few: {count} are held out")
    order = np.random.default_rng(0).permutation(len(found))
    print(f"{len(found) - count:,} sentences, {sum(map(len, found)):,} characters")
    return [found[i] for i in order[count:]], [found[i] for i in order[:count]]
