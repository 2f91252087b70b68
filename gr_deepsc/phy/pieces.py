"""Utterances that are sent while they are spoken: pieces, each a burst that is read at once, of any number.

Their bursts have codec numbers of their own. `seq` is the utterance's, `part` counts its pieces modulo 4, and `last`
marks its end: so a piece that was lost costs its own words only, and that they are missing is seen.
"""

from typing import NamedTuple

from .burst import Burst

OFFSET = 5  # a codec's number in the header of a piece, over its number elsewhere
CODECS = frozenset({13, 14, 15})  # the codecs 8, 9 and 10
COUNTED = 4  # pieces are counted modulo this
PATIENCE_S = 10.0  # seconds without a piece after which the end of an utterance will not come any more


class Piece(NamedTuple):
    """Which piece of its utterance a burst is."""

    part: int  # 0..3
    last: bool


class Heard(NamedTuple):
    """A piece as it came, or, where `came` is false, the end of an utterance whose last piece did not come."""

    burst: Burst  # if it did not come, the last one that did
    piece: Piece
    missing: int  # pieces before this one, or this one, that did not come
    came: bool


class Pieces:
    """The account of whose utterance goes on, and which of its pieces came."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Burst, int]] = {}  # by user: the latest piece, and the next one's number

    def push(self, burst: Burst) -> list[Heard]:
        """A piece came; what was to come of an utterance before it will not come any more."""
        head = burst.header
        before = self._open.get(head.user_id)
        same = before is not None and before[0].header.seq == head.seq
        done = [] if same else self.end(head.user_id)
        expected = before[1] if before is not None and same else 0
        done.append(Heard(burst, Piece(head.part, head.last), (head.part - expected) % COUNTED, True))
        if head.last:
            self._open.pop(head.user_id, None)
        else:
            self._open[head.user_id] = burst, (head.part + 1) % COUNTED
        return done

    def end(self, user_id: int) -> list[Heard]:
        """This user's utterance, if one goes on, ends without its last piece."""
        if user_id not in self._open:
            return []
        burst, part = self._open.pop(user_id)
        return [Heard(burst, Piece(part, True), 1, False)]

    def expire(self, now: float, patience: float) -> list[Heard]:
        """Ends of those that nothing came of for `patience` samples, at sample `now`."""
        old = [user for user, (burst, _) in self._open.items() if now - burst.start - burst.samples > patience]
        return [heard for user in old for heard in self.end(user)]

    def flush(self) -> list[Heard]:
        """The stream has ended: ends of all that go on."""
        return [heard for user in list(self._open) for heard in self.end(user)]
