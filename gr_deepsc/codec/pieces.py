"""The received pieces of an utterance that is sent while it is spoken, joined to what came of it so far."""

import threading
from collections.abc import Mapping
from typing import Any

from ..ctc.confidence import Word
from .decode import Reading, judged

GAP = "..."  # stands in the text for the words of pieces that did not come
MOST = 64  # utterances that may go on at once
_SUMS = ("n_symbols", "n_bursts", "bursts_missing", "realigned", "decode_s")
_FIRST = ("timing",)


class Pieces:
    """Takes what is known of each piece, gives what is known of its utterance; in any threads."""

    def __init__(self) -> None:
        self._words: dict[tuple, list[Word]] = {}
        self._known: dict[tuple, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, known: Mapping[str, Any], reading: Reading) -> tuple[dict[str, Any], Reading]:
        """Join a piece to those before it.

        Args:
            known: of the piece, as `phy.listener.describe` has it; what is not known in a flowgraph may lack. Which
                utterance it is of say `session`, `user_id` and `seq`; that it is the last, `last`.
            reading: of the piece.

        Returns:
            What of `known` is another for the utterance, with `partial`; and the reading of all of its pieces so far.
        """
        with self._lock:
            return self._join(known, reading)

    def _join(self, known: Mapping[str, Any], reading: Reading) -> tuple[dict[str, Any], Reading]:
        whose = tuple(known.get(key) for key in ("session", "user_id", "seq"))
        words, before = self._words.pop(whose, []), self._known.pop(whose, {})
        one = {key: known[key] + before.get(key, 0) for key in _SUMS if key in known}
        one |= {key: before.get(key, known[key]) for key in _FIRST if key in known}
        if "n_bursts" in one:
            one["received"] = one["n_bursts"] / (one["n_bursts"] + one["bursts_missing"])
        words = _joined(words, reading.words, bool(known.get("bursts_missing")))
        last = bool(known.get("last", True))
        if not last:
            self._words[whose], self._known[whose] = words, one
            while len(self._words) > MOST:
                oldest = next(iter(self._words))
                del self._words[oldest], self._known[oldest]
        return one | {"partial": not last}, judged(" ".join(word.word for word in words), words, GAP)


def _joined(words: list[Word], more: list[Word], gap: bool) -> list[Word]:
    """A stop at the beginning of a piece belongs to the word before it."""
    if gap:
        return [*words, Word(GAP, 0.0), *more]
    if words and more and not any(map(str.isalnum, more[0].word)):
        (word, confidence), (stop, _), *more = words[-1], *more
        return [*words[:-1], Word(word + stop, confidence), *more]
    return [*words, *more]
