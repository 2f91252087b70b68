"""Edits between a transcript and a text, as both are spoken, by jiwer, and error rates over a set of utterances."""

from typing import NamedTuple

import jiwer
import numpy as np

from gr_deepsc.english import plain


class Edits(NamedTuple):
    """Substitutions, deletions and insertions of an utterance, and how many characters or words it has."""

    edits: int
    length: int


def characters(truth: str, text: str) -> Edits:
    """Edits between characters; spaces count."""
    return _edits(jiwer.process_characters(plain(truth), plain(text)))


def words(truth: str, text: str) -> Edits:
    """Edits between words."""
    return _edits(jiwer.process_words(plain(truth), plain(text)))


def _edits(found: jiwer.CharacterOutput | jiwer.WordOutput) -> Edits:
    wrong = found.substitutions + found.deletions
    return Edits(wrong + found.insertions, found.hits + wrong)


def error_rate(edits: np.ndarray, lengths: np.ndarray, axis: int = -1) -> np.ndarray:
    """Edits of the whole set over its characters or words: CER or WER, as jiwer counts it."""
    return np.sum(edits, axis) / np.sum(lengths, axis)
