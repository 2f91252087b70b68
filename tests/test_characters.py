"""Reading characters, a row each: by the rows alone, and the best of all texts with a language model."""

import itertools
from functools import cache

import numpy as np
import pytest

from gr_deepsc.codec.characters import Speller, spell
from gr_deepsc.ctc.beam import LanguageModel
from gr_deepsc.text import NOTHING, WRITTEN, WRITTEN_TOKENS, encode


@cache
def language() -> LanguageModel:
    return LanguageModel()


def english(text: str) -> float:
    """ln p of a text's characters."""
    log_probs, state = language().start()
    total = 0.0
    for token in encode(text, WRITTEN):
        total += float(log_probs[token])
        (log_probs,), (state,) = language().step([token], [state])
    return total


def rows(text: str, sure: float = 0.9) -> np.ndarray:
    """Log-probabilities of a receiver that is so sure of each character; "_" is nothing."""
    p = np.full((len(text), WRITTEN_TOKENS), (1 - sure) / NOTHING)
    for row, character in zip(p, text, strict=True):
        row[NOTHING if character == "_" else WRITTEN.index(character)] = sure
    return np.log(p).astype(np.float32)


def test_words_are_as_likely_as_their_characters():
    """Spaces and nothing do not count: 0.9 to the power of a word's characters."""
    text, ln_p = spell(rows(" It  wa_s, 3_"))
    assert text == "It was, 3"
    assert np.exp(ln_p) == pytest.approx([0.9**2, 0.9**4, 0.9], rel=1e-5)
    assert spell(rows("___")) == ("", pytest.approx(np.zeros(0))) == spell(rows(""))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_best_of_all_texts(seed, weight):
    """Of all texts of four characters out of a, e, t and the space, the search finds the one of the highest score."""
    tokens = encode("aet ", WRITTEN)
    p = np.full((4, WRITTEN_TOKENS), 1e-9)
    p[:, tokens] = np.random.default_rng(seed).dirichlet(np.ones(4), 4)
    log_probs = np.log(p)
    scores = {}
    for way in itertools.product("aet ", repeat=4):
        text = "".join(way)
        if text[0] != " " and "  " not in text:
            heard = sum(log_probs[k, token] for k, token in enumerate(encode(text, WRITTEN)))
            scores[text] = heard + weight * english(text)
    found, _ = Speller(weight, width=300)(log_probs.astype(np.float32))
    assert found == max(scores, key=scores.get).strip()


def test_it_spells():
    """A letter that noise has taken is there where English has it; what was received well stays as it is."""
    received = rows("The president of the House, Mr. Qxyz, wrote 17 of them.", 0.98)
    place = "The president".index("s")
    received[place] = np.log(1 / WRITTEN_TOKENS)
    received[place, WRITTEN.index("b")] += 0.1
    assert spell(received)[0].startswith("The prebident")
    text, ln_p = Speller()(received)
    assert text == "The president of the House, Mr. Qxyz, wrote 17 of them."
    assert ln_p[1] == pytest.approx(8 * np.log(0.98) + np.log(1 / WRITTEN_TOKENS), abs=0.01)
    assert Speller()(rows("___"))[0] == Speller()(rows(""))[0] == ""
