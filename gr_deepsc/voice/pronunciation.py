"""How English words are pronounced, letter by letter: what each letter of a word stands for.

`pronunciations.xz` holds CMUdict (Carnegie Mellon University, BSD licence: see the file's first lines) with every
word's phones cut to its letters. It is made by `python -m deepsc_export voice pronunciations`.
"""

import lzma
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

PATH = Path(__file__).with_name("pronunciations.xz")
UNKNOWN, SILENT = 0, 1  # a letter of a word that is in no dictionary; one that is not heard
FIRST = ord("!")  # the file writes the unit n of its list as the character FIRST + n
LICENCE = (
    "CMUdict, Copyright (C) 1993-2015 Carnegie Mellon University. All rights reserved. Redistribution and use, with or"
    " without modification, are permitted with this notice; provided as is, without any warranty."
)


@cache
def _dictionary(path: Path) -> tuple[list[str], dict[str, str]]:
    _, units, *lines = lzma.decompress(path.read_bytes()).decode().split("\n")
    return units.split(","), dict(line.split("\t") for line in lines)


def units(path: Path = PATH) -> list[str]:
    """What a letter can stand for, by number: "?" (`UNKNOWN`), "" (`SILENT`), one or two phones as "K S"."""
    return _dictionary(path)[0]


def pronounce(text: str, path: Path = PATH) -> list[int]:
    """The number in `units` of each character of a plain text; a space is silent."""
    words = _dictionary(path)[1]
    found: list[int] = []
    for word in text.split(" "):
        known = words.get(word)
        found += [ord(c) - FIRST for c in known] if known else [UNKNOWN] * len(word)
        found.append(SILENT)
    return found[:-1]


def dictionary(path: Path = PATH) -> dict[str, list[str]]:
    """Every word's phones, ARPAbet with stress."""
    names, words = _dictionary(path)
    return {
        word: " ".join(filter(None, (names[ord(c) - FIRST] for c in known))).split() for word, known in words.items()
    }


def write(path: Path, words: Mapping[str, Sequence[str]]) -> None:
    """Writes what each letter of `words` stands for: "" or phones with a space between them."""
    known = ["?", "", *sorted({unit for found in words.values() for unit in found} - {""})]
    number = {unit: chr(FIRST + i) for i, unit in enumerate(known)}
    lines = [f"{word}\t{''.join(number[unit] for unit in words[word])}" for word in sorted(words)]
    path.write_bytes(lzma.compress("\n".join([LICENCE, ",".join(known), *lines]).encode(), preset=9))
