"""Results from the Result Link of a running flowgraph."""

import secrets
import time
from collections import deque
from dataclasses import replace

import zmq

from gr_deepsc.link.protocol import Message, ProtocolError, unpack_result
from gr_deepsc.link.publisher import AGAIN, request
from gr_deepsc.link.sockets import receive_frames
from gr_deepsc.phy.utterance import SEQUENCE
from gr_deepsc.result import UNREAD, Result

from ..show.report import complain
from .order import Order
from .peer import SETTLE_S, Peer

LOOK_S = 0.1  # between two looks whether the connection is there


class ResultReader:
    """Results as they arrive from a Result Link.

    Args:
        session: only the results of this session's utterances, once they are `expect`ed; "" for all.
        user_id: of the session.

    A burst has no room for a session and counts utterances modulo 32: a result from the air is taken for the
    oldest utterance of this user that has no result yet and fits; one that is `partial` is not its last. While any is
    expected, an `unreadable` burst is a result as well: it may be one of them.

    What was missed because this process, the path or the flowgraph was held up is asked for again and comes in its
    order; what is not to be had any more is complained of.
    """

    def __init__(
        self, context: zmq.Context, address: str, curve_key: str = "", session: str = "", user_id: int = 0
    ) -> None:
        self.peer = Peer(context, "sub", address, "Result Link", curve_key)
        self._session, self._user_id = session, user_id
        self._expected: list[int] = []
        self._order = Order(self._ask)
        self._ready: deque[Message] = deque()
        self._topic, self._handshakes, self._lost = b"", 0, 0

    def expect(self, seq: int) -> None:
        """An utterance of the session was sent."""
        if seq not in self._expected:
            self._expected.append(seq)

    @property
    def waiting(self) -> bool:
        """An utterance has no result yet."""
        return bool(self._expected)

    def wait_for_peer(self, timeout_s: float) -> None:
        """Wait until results can no longer be missed; HostError after `timeout_s` seconds."""
        self.peer.wait(timeout_s)
        time.sleep(SETTLE_S)

    def read(self, timeout_s: float) -> Message | None:
        """The next result, or None after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._look()
            while self._ready:
                message = self._ready.popleft()
                ours = self._own(message.result) if self._session else message.result
                if ours:
                    return message._replace(result=ours)
            if (left := deadline - time.monotonic()) <= 0 and not self.peer.socket.poll(0):
                return None
            self.peer.socket.poll(round(1000 * min(max(0.0, left), LOOK_S)))

    def _look(self) -> None:
        """Take what came, and ask for what did not."""
        self.peer.update()
        if self.peer.handshakes != self._handshakes:
            if self._handshakes:
                self._order.again()
            self._handshakes = self.peer.handshakes
        if self.peer.socket.poll(0):
            try:
                frames = receive_frames(self.peer.socket)
                if frames[0].startswith(AGAIN):
                    frames = frames[1:]
                self._ready += self._order.take(unpack_result(frames))
            except ProtocolError as error:
                complain(f"a message that is no result was dropped: {error}")
        self._ready += self._order.overdue()
        if self._order.lost > self._lost:
            lost, self._lost = self._order.lost - self._lost, self._order.lost
            complain(f"{lost} result{'s' if lost > 1 else ''} missed: the flowgraph keeps only the latest")

    def _ask(self, publisher: str, number: int) -> None:
        """A subscription that only this reader has; the former one is over."""
        if self._topic:
            self.peer.socket.unsubscribe(self._topic)
        self._topic = request(secrets.token_hex(6), publisher, number)
        self.peer.socket.subscribe(self._topic)

    def _own(self, result: Result) -> Result | None:
        """The result if the session waits for it; one from the air with the name that it was sent by."""
        if unreadable(result):
            return result if self._expected else None
        if result.session:
            fits = [seq for seq in self._expected if seq == result.seq]
            ours = result.session == self._session
        else:
            fits = [seq for seq in self._expected if seq % SEQUENCE == result.seq]
            ours = bool(fits) and result.user_id == self._user_id
        if ours and fits:
            if not result.partial:
                self._expected.remove(fits[0])
            return replace(result, session=self._session, seq=fits[0])
        return result if ours else None

    def close(self) -> None:
        """Close the socket."""
        self.peer.close()


def unreadable(result: Result) -> bool:
    """A burst from the air of which nobody knows whose it was."""
    return not result.session and result.seq == -1 and result.error_type in UNREAD
