"""The search for the likeliest text, on decoders small enough to know the answer."""

import itertools

import numpy as np
import pytest

from gr_deepsc.reader.search import LONGEST_COPY, MOST_COPIES, MOST_COPIES_OF_MORE, circles, search

A, B, END, COMMA = range(4)
NONE = np.zeros(0, int)


def decoder(chances: dict[tuple[int, ...], list[float]]):
    """First log-probabilities and step of a decoder that is a table: after each text, of A, B, end and comma."""
    texts = [()]

    def step(parents, tokens):
        texts[:] = [(*texts[parent], token) for parent, token in zip(parents, tokens, strict=True)]
        return np.log(np.array([chances[text] for text in texts], np.float32))

    with np.errstate(divide="ignore"):
        return np.log(np.array(chances[()], np.float32)), step


def test_greedy_and_beam():
    """A is likelier at first, B likelier in all: per token 0.6 * 0.35 * 1 has the mean 0.59, 0.4 * 0.95 has 0.62."""
    sure = [0.0, 0.0, 1.0, 0.0]
    chances = {(): [0.6, 0.4, 0, 0], (A,): [0.35, 0.33, 0.32, 0], (B,): [0.05, 0.0, 0.95, 0]}
    chances |= {text: sure for text in itertools.product((A, B), repeat=2)}
    with np.errstate(divide="ignore"):
        first, step = decoder(chances)
        assert search(first, step, END, NONE, 9).tokens == (A, A)
        first, step = decoder(chances)
        found = search(first, step, END, NONE, 9, beam=2)
    assert found.tokens == (B,)
    assert found.total == pytest.approx(np.log(0.4 * 0.95), abs=1e-6)
    assert found.score == pytest.approx(found.total / 2)


def test_a_comma_is_no_doubt_about_a_word():
    """A's share of all that is no mark: 0.5 of 0.6; a mark's own is what it is."""
    with np.errstate(divide="ignore"):
        first, step = decoder({(): [0.5, 0.1, 0.0, 0.4], (A,): [0.1, 0.1, 0.1, 0.7], (A, COMMA): [0, 0, 1, 0]})
        found = search(first, step, END, np.array([COMMA]), 9)
    assert found.tokens == (A, COMMA)
    assert np.exp(found.log_probs) == pytest.approx([0.5 / 0.6, 0.7], abs=1e-6)


def test_nothing_may_be_said():
    with np.errstate(divide="ignore"):
        assert search(*decoder({(): [0, 0, 1, 0]}), END, NONE, 9).tokens == ()


@pytest.mark.parametrize("beam", [1, 5])
@pytest.mark.parametrize("period", [1, 2, 3, 7, LONGEST_COPY, 50])
def test_a_loop_ends(beam, period):
    """A decoder that says the same `period` tokens again and again, and would for ever."""
    steps = []

    def step(parents, tokens):
        steps.append(len(tokens))
        row = np.full(60, -20.0, np.float32)
        row[len(steps) % period] = -1e-3
        return np.tile(row, (len(tokens), 1))

    first = np.full(60, -20.0, np.float32)
    first[0] = -1e-3
    found = search(first, step, 59, NONE, 248, beam)
    copies = MOST_COPIES.get(period, MOST_COPIES_OF_MORE)
    expected = period * copies if period <= LONGEST_COPY else 248
    assert len(steps) <= 248 and len(found.tokens) <= 248
    if beam == 1:
        assert len(found.tokens) == expected


def test_circles():
    """What people say again is none."""
    assert not circles((1, 2, 1, 2, 1, 2)) and not circles((5,) * 7) and not circles(())
    assert circles((5,) * 8) and circles((9, 9) + (1, 2) * 8) and circles((1, 2, 3) * 4)
    assert not circles((1, 2, 3) * 4 + (4,))
