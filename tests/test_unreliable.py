"""A text that is no more than a guess is an error of its own, with the text and every word of it marked."""

import numpy as np
import pytest

from gr_deepsc.codec.decode import Decoder
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.result import Result
from host.show.report import line, text


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return Decoder()


@pytest.mark.parametrize("codec", [8, 9, 10, 0, "paper"])
def test_noise_that_is_taken_for_symbols_is_no_reading(decoder, codec):
    """What a receiver made of a burst before it knew of lost samples: garbage, and sure of it."""
    codec = decoder.codec if codec == "paper" else codec
    symbols = complex_gaussian(np.random.default_rng(1), 2000).astype(np.complex64)
    reading = decoder(symbols, np.full(2000, 0.8, np.float32), codec)
    assert reading.text
    assert reading.error_type == "unreliable"
    result = Result.of({}, **reading._asdict())
    assert result.text == reading.text and result.error_type == "unreliable" and not result.lost
    assert text(result).count("(?)") == len(result.words)
    assert reading.error in line(result) and text(result) in line(result)


def test_what_is_missing_says_more_than_that_it_cannot_be_read():
    result = Result.of({"error": "a guess", "error_type": "unreliable", "n_bursts": 1, "bursts_missing": 1})
    assert result.error_type == "bursts_missing"


def test_an_empty_text_is_no_guess(decoder):
    """A frame of which nothing can be read, as an utterance without words is sent."""
    reading = decoder(np.zeros(20, np.complex64), np.zeros(20, np.float32), 8)
    assert reading.text == "" and reading.error is None
