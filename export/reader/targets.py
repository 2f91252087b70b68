"""What the reader learns to write: transcripts as people write them, and capitals and stops for those without.

Transcripts in capitals only (LibriSpeech's, speechocean762's) are aligned with what the original Whisper writes of the
recording: where it has the same words, its way of writing them is taken.
"""

import re
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from gr_deepsc.english import plain

from ..data.texts import MARKS, written

SENTENCE = 12  # words: a prompt without capitals is one sentence up to here
MOST_WRONG = 0.4  # share of a transcript's words that the original may read otherwise
_FIRST_PERSON = re.compile(r"\bi(?=$|[ ',.?!:])")


def without_case(raw: str) -> bool:
    """Whether a transcript is in capitals only, or in small letters only."""
    return raw.isupper() or raw.islower()


def sentence(truth: str) -> str | None:
    """Plain words as one sentence; None if they are too many for one."""
    if len(truth.split()) > SENTENCE:
        return None
    return _FIRST_PERSON.sub("I", truth[:1].upper() + truth[1:]) + "."


def restore(truth: str, heard: str, most_wrong: float = MOST_WRONG) -> str | None:
    """`truth`'s words as `heard` writes them.

    Args:
        truth: plain words.
        heard: what the original wrote of the recording.

    Returns:
        Written text; None if more than `most_wrong` of the words are heard otherwise.
    """
    said, theirs = truth.split(), heard.split()
    spelt = [plain(word).split() for word in theirs]
    flat = [(word, k) for k, words in enumerate(spelt) for word in words]
    counts = [len(words) for words in spelt]
    found: list[str] = []
    wrong = 0
    for kind, begin, end, first, last in Levenshtein.opcodes(said, [word for word, _ in flat]):
        if kind == "equal":
            found += _taken(said[begin:end], [k for _, k in flat[first:last]], theirs, counts)
        elif kind != "insert":
            wrong += end - begin
            marks = theirs[flat[last - 1][1]] if last > first else ""
            words = said[begin:end]
            if kind == "replace" and end - begin == last - first == 1 and marks[:1].isupper():
                words = [words[0].capitalize()]
            mark = marks[-1:] if marks[-1:] in MARKS and kind == "replace" else ""
            found += [*words[:-1], words[-1] + mark]
    if wrong > most_wrong * len(said):
        return None
    text = _FIRST_PERSON.sub("I", " ".join(found))
    return written(text)


def _taken(said: Sequence[str], numbers: Sequence[int], theirs: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Words of an equal stretch: `theirs` where all that one of theirs stands for is in the stretch ("1885")."""
    found, at = [], 0
    while at < len(said):
        number = numbers[at]
        here = sum(k == number for k in numbers[at:])
        found += [theirs[number]] if here == counts[number] else said[at : at + here]
        at += here
    return found
