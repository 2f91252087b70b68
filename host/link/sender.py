"""Utterances to the Audio Link of a running flowgraph."""

import uuid
from typing import Any

import numpy as np
import zmq

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.link.protocol import pack_utterance

from .peer import Peer

EDGE = 320  # samples at the end of what is not complete that resampling may still change: 20 ms


class Sender:
    """Sends utterances to an Audio Link as one session.

    Args:
        timeout_s: patience with a flowgraph that is not there, or does not take more audio.

    Raises:
        HostError: a bad address, or keys that are missing.
    """

    def __init__(
        self, context: zmq.Context, address: str, user_id: int = 0, timeout_s: float = 10.0, curve_key: str = ""
    ) -> None:
        self.session = uuid.uuid4().hex[:12]
        self.sent = 0
        self._chunks = self._samples = 0  # of the utterance that goes on
        self._user_id, self._timeout_s = user_id, timeout_s
        self._peer = Peer(context, "push", address, "Audio Link", curve_key)
        self._peer.socket.setsockopt(zmq.SNDTIMEO, round(timeout_s * 1000))

    def wait_for_peer(self) -> None:
        """Wait for the flowgraph; HostError after the timeout."""
        self._peer.wait(self._timeout_s)

    def send(self, samples: np.ndarray, whole: bool = True) -> int:
        """Send an utterance, or all of it so far to be read while it goes on: float32 [n] at 16 kHz; returns its `seq`.

        Raises:
            HostError: the flowgraph went away, or takes no more audio.
        """
        seq = self.sent
        new = samples[self._samples : len(samples) if whole else max(self._samples, len(samples) - EDGE)]
        about: dict[str, Any] = {
            "session": self.session,
            "seq": seq,
            "user_id": self._user_id,
            "sample_rate": SAMPLE_RATE,
        }
        for frames in pack_utterance(new, chunk=self._chunks, whole=whole, **about):
            try:
                self._peer.socket.send_multipart(frames)
            except zmq.Again:
                raise self._peer.absent(self._timeout_s) from None
            self._chunks += 1
        self._samples += len(new)
        if whole:
            self.drop()
        return seq

    def drop(self) -> None:
        """The utterance that goes on has ended, or will not be sent any further; none of which nothing was sent."""
        self.sent += self._chunks > 0
        self._chunks = self._samples = 0

    def close(self) -> None:
        """Close the socket, once what was sent is on its way (or the timeout is over)."""
        self._peer.close(self._timeout_s)
