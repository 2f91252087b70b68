"""How sure features are of the letters read in them: the heights of CTC's spikes."""

import numpy as np
import pytest

from gr_deepsc.ctc.spikes import certainty
from gr_deepsc.text import BLANK, TOKENS, encode


def features(*frames: tuple[str, float]) -> np.ndarray:
    """P of frames of (letter, its probability), the rest of it the blank's; "_" is a sure blank."""
    p = np.zeros((len(frames), TOKENS), np.float32)
    for row, (letter, share) in zip(p, frames, strict=True):
        row[BLANK] = 1 - share
        row[BLANK if letter == "_" else encode(letter)[0]] += share
    return p


def test_the_surest_frame_of_each_letter():
    p = features(("_", 1), ("h", 0.6), ("h", 0.9), ("h", 0.7), ("_", 1), ("i", 0.8))
    assert certainty(p, "hi") == pytest.approx([0.9, 0.8])


def test_doubled_letters_are_two():
    assert certainty(features(("l", 0.9), ("_", 1), ("l", 0.7), ("l", 0.6)), "ll") == pytest.approx([0.9, 0.7])


def test_a_letter_that_was_made_up():
    """What the features say instead does not count for it."""
    p = features(("h", 0.9), ("_", 1), ("a", 0.7), ("i", 0.8), ("_", 1))
    p[2, encode("e")[0]] = 0.2
    assert certainty(p, "hei") == pytest.approx([0.9, 0.2, 0.8], abs=1e-6)


def test_too_long_a_text_and_none():
    p = features(("h", 0.9), ("_", 1))
    assert certainty(p, "far too long").tolist() == [0.0] * 12
    assert certainty(p, "").shape == certainty(p[:0], "").shape == (0,)
