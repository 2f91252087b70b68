"""Results out: numbered, and the latest once more for whoever missed them.

A subscriber asks by subscribing to a topic that only it has: "again:", a name of its own choice, ":", the publisher it
heard last, ":", the last number it has of it. It is sent what is kept from there on (all of it, where that
publisher is no more), each as three frames: the topic, and the result's two.
"""

import secrets
from collections import deque

import numpy as np
import zmq

from .protocol import pack_result
from .sockets import Bound

AGAIN = b"again:"
KEPT = 120  # results: less than half a subscriber's queue, which is the room that there may be
KEPT_BYTES = 48 << 20  # of them all
MAX_TOPIC = 200  # bytes


def request(name: str, publisher: str, number: int) -> bytes:
    """The topic to subscribe to."""
    return AGAIN + f"{name}:{publisher}:{number}".encode()


class Publisher:
    """Over an "xpub" socket; not thread-safe.

    Attributes:
        published: results so far.
    """

    def __init__(self, bound: Bound) -> None:
        self._bound, self._name, self.published = bound, secrets.token_hex(6), 0
        self._kept: deque[tuple[int, list[bytes]]] = deque()
        self._bytes = 0

    def send(self, fields: dict, speech: np.ndarray | None = None, speech_rate: int | None = None) -> None:
        """Publish a result; parameters and errors as of `pack_result`."""
        frames = pack_result(fields, speech, speech_rate, self._name, self.published + 1)
        self.serve()
        self.published += 1
        self._kept.append((self.published, frames))
        self._bytes += sum(map(len, frames))
        while len(self._kept) > KEPT or self._bytes > KEPT_BYTES:
            self._bytes -= sum(map(len, self._kept.popleft()[1]))
        self._bound.socket.send_multipart(frames)

    def serve(self) -> None:
        """Send again what subscribers ask for; call it often."""
        while self._bound.socket.poll(0):
            topic = self._bound.socket.recv(zmq.NOBLOCK)
            if topic[:1] == b"\x01" and topic[1:].startswith(AGAIN) and len(topic) <= MAX_TOPIC:
                self._send_again(topic[1:])

    def _send_again(self, topic: bytes) -> None:
        _, publisher, number = (topic.removeprefix(AGAIN) + b"::").split(b":")[:3]
        after = int(number) if publisher == self._name.encode() and number.isdigit() else 0
        for number_of, frames in self._kept:
            if number_of > after:
                self._bound.socket.send_multipart([topic, *frames])
