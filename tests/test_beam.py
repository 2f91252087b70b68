"""The beam decoder against every text there is, and what its language model knows."""

import itertools
from functools import cache

import numpy as np
import pytest

from gr_deepsc.ctc.beam import Beam, LanguageModel
from gr_deepsc.text import ALPHABET, BLANK, TOKENS, encode

STEPS = 4


@cache
def language() -> LanguageModel:
    return LanguageModel()


def english(text: str) -> float:
    """ln p of a text's characters."""
    log_probs, state = language().start()
    total = 0.0
    for token in encode(text):
        total += log_probs[token]
        (log_probs,), (state,) = language().step([token], [state])
    return float(total)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("weight", "bonus"), [(0.0, 0.0), (0.7, 1.5)])
def test_the_best_of_all_texts(seed, weight, bonus):
    """Over all ways of four steps through a, b, e and the blank: the beam finds the text of the highest score."""
    tokens = [*encode("abe"), BLANK]
    p = np.full((STEPS, TOKENS), 1e-12)
    p[:, tokens] = np.random.default_rng(seed).dirichlet(np.ones(4), STEPS)
    log_probs = np.log(p)
    heard: dict[str, float] = {}
    for way in itertools.product(tokens, repeat=STEPS):
        text = "".join(ALPHABET[t] for t, _ in itertools.groupby(way) if t != BLANK)
        heard[text] = np.logaddexp(heard.get(text, -np.inf), log_probs[range(STEPS), way].sum())
    scores = {text: h + weight * english(text) + bonus * len(text) for text, h in heard.items()}
    assert Beam(weight, bonus, width=200)(log_probs.astype(np.float32)) == max(scores, key=scores.get)


def test_it_knows_english():
    """Below 2 bits a character where letters alone need 4.1; a sentence is likelier than its letters shuffled."""
    sentence = "the house of representatives has passed the bill and i have signed it into law"
    shuffled = "".join(np.random.default_rng(0).permutation(list(sentence)))
    assert -english(sentence) / len(sentence) / np.log(2) < 2
    assert english(" ".join(shuffled.split())) < 3 * english(sentence)


def test_it_spells():
    """A letter that was hardly heard is there where English has it."""
    heard = "it was brougt to the presiden of the house"
    rows = []
    for letter in heard:
        row = np.full(TOKENS, 1e-4)
        row[encode(letter)[0]] = 1
        rows += [row, np.eye(TOKENS)[BLANK] + 1e-4]
    for behind, missing in (("broug", "h"), ("presiden", "t")):
        rows[2 * (heard.index(behind) + len(behind)) - 1][encode(missing)[0]] = 0.3
    log_probs = np.log(np.array(rows) / np.sum(rows, 1, keepdims=True)).astype(np.float32)
    assert Beam(0.0, 0.0)(log_probs) == heard
    assert Beam(0.5, 1.0)(log_probs) == "it was brought to the president of the house"


def test_nothing():
    assert Beam(0.5, 1.0)(np.zeros((0, TOKENS), np.float32)) == ""
