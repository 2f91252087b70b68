"""How sure a word is: alignment against brute force, probabilities by hand, what metadata carry."""

import itertools

import numpy as np
import pytest

from gr_deepsc.ctc.align import align
from gr_deepsc.ctc.confidence import MARK, Calibration, Word, calibrated, dump, load, marked, probabilities
from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.text import BLANK, TOKENS, WRITTEN, encode


def random_log_probs(steps: int, seed: int = 0) -> np.ndarray:
    p = np.random.default_rng(seed).dirichlet(np.full(TOKENS, 0.2), steps)
    return np.log(p + 1e-9).astype(np.float32)


@pytest.mark.parametrize("text", ["a", "ab", "aa", "aba"])
def test_the_likeliest_way(text):
    """As the best of all ways that CTC reads as the text, tried one by one."""
    log_probs, tokens = random_log_probs(6, 3), encode(text)
    labels = np.full(2 * len(tokens) + 1, BLANK)
    labels[1::2] = tokens
    choices = sorted({BLANK, *tokens})

    def reads(way: tuple) -> bool:
        kept = [t for t, _ in itertools.groupby(way) if t != BLANK]
        return kept == tokens

    best = max(log_probs[range(6), way].sum() for way in itertools.product(choices, repeat=6) if reads(way))
    path = align(log_probs, tokens)
    assert log_probs[range(6), labels[path]].sum() == pytest.approx(best, abs=1e-5)
    assert (np.diff(path) >= 0).all() and (np.diff(path) <= 2).all()


def test_a_word_is_as_likely_as_its_steps():
    """Two words on sure steps but for one letter each: ln p is that letter's."""
    tokens = [*encode("go on"), BLANK]
    p = np.full((len(tokens), TOKENS), 1e-6)
    p[range(len(tokens)), tokens] = 1
    p[1, encode("o")[0]], p[4, encode("n")[0]] = 0.5, 0.25
    found = probabilities(np.log(p).astype(np.float32), "go on")
    assert found == pytest.approx(np.log([0.5, 0.25]), abs=1e-5)
    sure = calibrated("go on", found, Calibration(1.0, 0.0))
    assert [w.word for w in sure] == ["go", "on"]
    assert [w.confidence for w in sure] == pytest.approx([1 / 3, 1 / 5], abs=1e-4)  # p / (1 + p)


def test_nothing_and_too_much():
    empty = np.zeros((0, TOKENS), np.float32)
    assert probabilities(empty, "").tolist() == probabilities(random_log_probs(3), "").tolist() == []
    impossible = probabilities(empty, "too long")
    assert [w.confidence for w in calibrated("too long", impossible, Calibration(1, 0))] == [0, 0]
    assert align(random_log_probs(2), encode("aaa")) is None


def test_greedy_texts_go_their_own_way():
    log_probs = random_log_probs(80, 5)
    text, _ = greedy(log_probs)
    path = align(log_probs, encode(text))
    labels = np.full(2 * len(text) + 1, BLANK)
    labels[1::2] = encode(text)
    # but for spaces that greedy merges, every step is its best
    assert (labels[path] == log_probs.argmax(1)).mean() > 0.8


def test_marks_and_metadata():
    found = [Word("it", 0.91), Word("was", 0.499), Word("so", 0.5)]
    assert not set(MARK) <= set(WRITTEN)  # what is received can hold no such mark
    assert marked([Word("Was", 0.9), Word("it?", 0.2)]) == "Was it?(?)"
    assert marked(found) == "it was(?) so"
    assert load("it was so", dump(found)) == [Word("it", 0.91), Word("was", 0.5), Word("so", 0.5)]
    assert load("it was so", "0.9 0.8") == load("it was", "0.9 high") == load("", "") == []
