"""Whose session is whose: a name belongs to the sender that used it first, until it goes or falls silent."""

import time
from collections import OrderedDict
from collections.abc import Callable

from .protocol import ProtocolError

MAX_SESSIONS = 1024
IDLE_S = 600.0  # without a message, after which a name is free again


class Owners:
    """Of sessions their peers, as `sockets.receive` names them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._owners: OrderedDict[str, tuple[str, float]] = OrderedDict()  # the one silent for longest first

    def claim(self, session: str, peer: str) -> None:
        """`peer` sends as `session`.

        Raises:
            ProtocolError: session_taken, another one does. It names no session: its owner must not take it for its own.
        """
        now = self._clock()
        owner, heard = self._owners.get(session, (peer, now))
        if owner != peer and now - heard <= IDLE_S:
            raise ProtocolError("this session is another sender's: choose another name", "session_taken")
        self._owners[session] = peer, now
        self._owners.move_to_end(session)
        while len(self._owners) > MAX_SESSIONS:
            self._owners.popitem(last=False)

    def release(self, peer: str) -> None:
        """A connection is gone."""
        for session in [session for session, (owner, _) in self._owners.items() if owner == peer]:
            del self._owners[session]
