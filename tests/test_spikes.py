"""What is left of features when blanks and repeats are dropped: the same text, a vector a letter."""

import numpy as np
import pytest

from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.ctc.spikes import TAKEN_FOR, WEAK, collapse, spelt
from gr_deepsc.text import ALPHABET, BLANK, TOKENS, encode


def features(*frames: tuple[str, float]) -> np.ndarray:
    """P of frames of (letter, its probability), the rest of it the blank's; "_" is a sure blank."""
    p = np.zeros((len(frames), TOKENS), np.float32)
    for row, (letter, share) in zip(p, frames, strict=True):
        row[BLANK] = 1 - share
        row[BLANK if letter == "_" else encode(letter)[0]] += share
    return p


def letters(p: np.ndarray) -> str:
    return "".join(ALPHABET[i] for i in collapse(p)[:, :BLANK].argmax(1))


def test_the_surest_frame_of_each_letter():
    p = features(("_", 1), ("h", 0.6), ("h", 0.9), ("h", 0.7), ("_", 1), ("i", 0.8))
    assert np.array_equal(collapse(p), p[[2, 5]])


def test_doubled_letters_stay_two():
    assert letters(features(("l", 0.9), ("_", 1), ("l", 0.9), ("l", 0.9))) == "ll"


def test_a_letter_that_lost_to_the_blank_is_sent_as_well():
    """If it is likely enough, and not the skirt of its neighbour."""
    p = features(("h", 0.9), ("_", 1), ("e", WEAK + 0.05), ("_", 1), ("y", WEAK - 0.05))
    assert letters(p) == "he"
    assert letters(features(("h", 0.9), ("h", 0.4), ("_", 1), ("_", 1))) == "h"
    assert letters(features(("_", 1), ("h", 0.4), ("h", 0.9), ("_", 1))) == "h"


def test_a_text_that_was_read():
    """Each letter from its surest frame; features that say another letter are mixed with the one they were read as."""
    p = features(("h", 0.9), ("_", 1), ("a", 0.7), ("i", 0.8), ("_", 1))
    p[2, encode("e")[0]] = 0.2
    p[2, BLANK] = 0.1
    spikes = spelt(p, "hei")
    assert np.array_equal(spikes[[0, 2]], p[[0, 3]])
    e, a = encode("ea")
    assert spikes[1].sum() == pytest.approx(1, abs=1e-6)
    assert spikes[1, e] == pytest.approx(TAKEN_FOR + (1 - TAKEN_FOR) * 0.2, abs=1e-6)
    assert spikes[1, a] == pytest.approx((1 - TAKEN_FOR) * 0.7, abs=1e-6)
    assert spelt(p, "").shape == (0, TOKENS) == spelt(p, "far too long").shape


def test_nothing():
    assert collapse(np.zeros((0, TOKENS), np.float32)).shape == (0, TOKENS)
    assert collapse(features(("_", 1), ("_", 1))).shape == (0, TOKENS)


@pytest.mark.parametrize("seed", range(4))
def test_the_strong_ones_spell_the_greedy_text(seed):
    """For any P: CTC's greedy text is what the spikes whose best token is a letter say."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(TOKENS, 0.03), 200).astype(np.float32)
    p[:, BLANK] += 0.4
    p /= p.sum(1, keepdims=True)
    spikes = collapse(p)
    strong = spikes[spikes.argmax(1) != BLANK]
    text = " ".join("".join(ALPHABET[i] for i in strong.argmax(1)).split())
    assert text == greedy(np.log(np.maximum(p, 1e-9)))[0] and len(text) > 50
    assert len(spikes) > len(strong)
