"""gr_deepsc.joined: one result for all utterances of a recording."""

from dataclasses import replace

import pytest

from gr_deepsc.ctc.confidence import Word
from gr_deepsc.joined import joined
from gr_deepsc.result import Result


def part(seq: int, text: str, **known: object) -> Result:
    """What became of an utterance of 10 s; 0.9 for every word."""
    words = tuple(Word(word, 0.9) for word in text.split())
    about: dict = {"seconds": 10.0, "n_symbols": 4000, "n_bursts": 1, "received": 1.0, "overhead": 0.2}
    about |= {"bursts_missing": 0, "channel": "awgn", "es_n0_db": 10.0 + seq, "time_s": 0.1}
    about |= {"confidence": 0.9 if words else 0.0, "detected": True, "rate": 520}
    return Result(seq=seq, text=text, words=words, **about | known)


def lost(seq: int) -> Result:
    return Result(seq=seq, seconds=10.0, lost=True, detected=False).failed("not_detected", "no burst was found")


def test_together():
    """Sums, means, and one space where two texts meet; an utterance without words adds none."""
    parts = [part(3, "the sun set"), part(4, ""), part(5, "please", confidence=0.5, overhead=0.5, n_symbols=1000)]
    whole = joined(parts)
    assert (whole.text, [word.word for word in whole.words]) == ("the sun set please", ["the", "sun", "set", "please"])
    assert (whole.seq, whole.utterances, whole.seconds, whole.n_symbols, whole.n_bursts) == (3, 3, 30.0, 9000, 3)
    assert (whole.es_n0_db, whole.channel, whole.rate, whole.time_s) == (14.0, "awgn", 520, 0.1)
    assert whole.confidence == pytest.approx((3 * 0.9 + 0.5) / 4)  # a word, a vote
    # 4000 symbols at 20 % overhead are 5000 on the air, 1000 at half are 2000
    assert whole.overhead == pytest.approx(1 - 9000 / 12_000)
    assert (whole.lost, whole.error, whole.error_type, whole.received) == (False, None, None, 1.0)


def test_some_are_missing():
    """The text is not lost, but the error tells how much of it is not there."""
    whole = joined([part(0, "one"), lost(1), part(2, "three"), lost(3)])
    assert (whole.text, whole.lost, whole.detected) == ("one three", False, True)
    assert (whole.error_type, whole.received) == ("utterances_missing", 0.5)
    assert whole.error == "2 of 4 utterances are missing: no burst was found"


def test_gaps():
    """One that came with a gap keeps the kind of its error."""
    gap = part(1, "two", received=0.5).failed("incomplete", "50 % of the utterance did not come")
    whole = joined([part(0, "one"), gap])
    assert (whole.error_type, whole.received) == ("incomplete", 0.75)
    assert whole.error == "1 of 2 utterances has gaps: 50 % of the utterance did not come"


def test_all_are_lost():
    """That is a lost recording, of the kind of its first error."""
    whole = joined([lost(0), lost(1)])
    assert (whole.lost, whole.text, whole.error_type, whole.detected) == (True, "", "not_detected", False)
    assert whole.error == "none of the 2 utterances came: no burst was found"
    assert (whole.confidence, whole.received, whole.es_n0_db, whole.overhead) == (0.0, None, None, None)


def test_what_differs_and_has_no_mean():
    """Another rate for a long utterance: nobody can say what the recording's is."""
    assert joined([part(0, "a", rate=520), part(1, "b", rate=260)]).rate is None
    assert joined([part(0, "a"), replace(part(1, "b"), rate=None)]).rate == 520
