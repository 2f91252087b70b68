"""Utterances that are sent while they are spoken: pieces on the air, what a lost one costs, and how they are joined."""

import numpy as np
import pytest

from gr_deepsc.chain import Receiver
from gr_deepsc.codec.decode import Decoder, Reading
from gr_deepsc.codec.encode import Encoder
from gr_deepsc.codec.pieces import GAP, Pieces
from gr_deepsc.ctc.confidence import UNRELIABLE, Word
from gr_deepsc.phy import pieces
from gr_deepsc.phy.framer import Framer
from gr_deepsc.phy.pieces import Piece
from gr_deepsc.phy.utterance import split
from gr_deepsc.reader.said import Said

RATE = 5_000  # symbols a second: fewer samples of silence to look through
TEXTS = "The sun set", "behind the hills", ", and then it", "was dark.", "Good night."


@pytest.fixture(scope="module")
def bursts():
    """A burst for each of `TEXTS`: four pieces of utterance 7, and utterance 8 in one piece; user 3."""
    encoder, framer, found = Encoder("compact"), Framer(silence=2000), []
    for k, text in enumerate(TEXTS):
        sent = encoder.coded(Said(text, np.ones(len(text), np.float32)), np.zeros((1, 29), np.float32), 520, 1)
        piece = Piece(k, k == 3) if k < 4 else None
        (burst,) = framer(sent.symbols, sent.codec, 3, 7 + (k == 4), piece)
        found.append(burst.samples)
    return found


@pytest.fixture(scope="module")
def receiver():
    return Receiver(Decoder("compact"), RATE)


def test_a_text_grows(bursts, receiver):
    """Each piece is a result at once, of all that came so far; sizes are sums, and the last is the utterance's."""
    results = receiver.hear(bursts)
    assert [result.text for result in results] == [
        "The sun set",
        "The sun set behind the hills",
        "The sun set behind the hills, and then it",
        "The sun set behind the hills, and then it was dark.",
        "Good night.",
    ]
    assert [(result.seq, result.partial) for result in results] == [
        *((7, True) for _ in range(3)),
        (7, False),
        (8, False),
    ]
    whole = results[3]
    assert (whole.n_bursts, whole.bursts_missing, whole.error, whole.user_id, whole.rate) == (4, 0, None, 3, 520)
    # 33 symbols a character, in each burst up to a frame's 20
    assert whole.n_symbols == sum(-(-33 * len(text) // 20) * 20 for text in TEXTS[:4])
    assert whole.time_s == results[0].time_s
    # as if the bursts were equally long: a pilot for each 16 symbols, one more or less a burst
    assert abs(whole.air_symbols - sum(len(burst) - 4000 for burst in bursts[:4]) / 4) < 4 * 17
    assert [word.word for word in whole.words] == whole.text.split() and whole.confidence > 0.9


@pytest.mark.parametrize(
    "lost, text, missing",
    [
        (0, "... behind the hills, and then it was dark.", 1),
        (1, "The sun set ... , and then it was dark.", 1),
        (3, "The sun set behind the hills, and then it ...", 1),
    ],
)
def test_a_lost_burst_costs_its_own_words(bursts, receiver, lost, text, missing):
    """And the result says so; where it is the last one, the next utterance ends this one."""
    *_, whole, after = receiver.hear(burst for k, burst in enumerate(bursts) if k != lost)
    assert (whole.text, whole.partial, whole.bursts_missing, whole.error_type) == (
        text,
        False,
        missing,
        "bursts_missing",
    )
    assert whole.received == pytest.approx(3 / 4) and not whole.lost
    assert (after.text, after.partial, after.error) == ("Good night.", False, None)


def test_an_utterance_that_does_not_go_on_ends(bursts, receiver):
    """`PATIENCE_S` after its last piece in the stream's own time, or with the stream."""
    silence = np.zeros(round((pieces.PATIENCE_S + 20) * 4 * RATE), np.complex64)
    expected = [("The sun set", True, 0), ("The sun set ...", False, 1)]
    for results in receiver.push(np.concatenate([bursts[0], silence])), receiver.hear([bursts[0]]):
        assert [(one.text, one.partial, one.bursts_missing) for one in results] == expected


def test_only_the_codec_number_tells_a_piece():
    """A burst as any other: 5 is added to the codec, `part` counts modulo 4; one burst, and no other codec."""
    x = np.exp(2j * np.pi * np.arange(200) ** 2 / 40).astype(np.complex64)
    (whole,), (piece,) = split(x, 8, 1, 2), split(x, 8, 1, 2, piece=Piece(6, True))
    assert len(whole) == len(piece)
    for symbols, codec in ((x, 4), (x[:10], 8), (np.resize(x, 20 * 400), 8)):
        with pytest.raises(ValueError, match="as a piece"):
            split(symbols, codec, 1, 2, piece=Piece(0, False))


def test_readings_are_joined_and_judged_together():
    """Words of many utterances at once do not mix; a gap is none of the words that a confidence is the mean of."""
    joined = Pieces()

    def push(seq: int, last: bool, confidence: float, text: str, missing: int = 0) -> Reading:
        words = [Word(word, confidence) for word in text.split()]
        known = {"user_id": 1, "seq": seq, "last": last, "n_bursts": 1, "bursts_missing": missing}
        return joined(known, Reading(text, confidence, words))[1]

    assert push(0, False, 0.9, "one two").text == "one two"
    assert push(1, False, 0.1, "noise").error_type == UNRELIABLE
    assert push(0, False, 0.5, ", three", missing=2).text == f"one two {GAP} , three"
    end = push(0, True, 0.5, "four")
    assert (end.text, end.error) == (f"one two {GAP} , three four", None)
    assert end.confidence == pytest.approx((0.9 + 0.9 + 0.5 + 0.5 + 0.5) / 5)
    assert push(0, True, 0.9, "another").text == "another"
