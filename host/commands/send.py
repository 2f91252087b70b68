"""`deepsc send`: recordings or the microphone to a running flowgraph."""

import argparse
import signal
import threading
import time
import uuid
from collections.abc import Iterator

import numpy as np
import zmq

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.link.protocol import pack_utterance
from gr_deepsc.speech import audio

from ..errors import DONE, SOME_FAILED, HostError
from ..link.peer import Peer
from ..show.report import complain, name_error, show
from .receive import ResultReader, unreadable


class Sender:
    """Sends utterances to an Audio Link as one session.

    Args:
        timeout_s: patience with a flowgraph that is not there, or does not take more audio.

    Raises:
        HostError: a bad address, or keys that are missing.
    """

    def __init__(
        self,
        context: zmq.Context,
        address: str,
        user_id: int = 0,
        timeout_s: float = 10.0,
        curve_key: str = "",
    ) -> None:
        self.session = uuid.uuid4().hex[:12]
        self.sent = 0
        self._user_id, self._timeout_s = user_id, timeout_s
        self._peer = Peer(context, "push", address, "Audio Link", curve_key)
        self._peer.socket.setsockopt(zmq.SNDTIMEO, round(timeout_s * 1000))

    def wait_for_peer(self) -> None:
        """Wait for the flowgraph; HostError after the timeout."""
        self._peer.wait(self._timeout_s)

    def send(self, samples: np.ndarray) -> int:
        """Send an utterance, float32 [n] at 16 kHz; returns its `seq`.

        Raises:
            HostError: the flowgraph went away, or takes no more audio.
        """
        seq = self.sent
        for frames in pack_utterance(
            samples, session=self.session, seq=seq, user_id=self._user_id, sample_rate=SAMPLE_RATE
        ):
            try:
                self._peer.socket.send_multipart(frames)
            except zmq.Again:
                raise self._peer.absent(self._timeout_s) from None
        self.sent += 1
        return seq

    def close(self) -> None:
        """Close the socket, once what was sent is on its way (or the timeout is over)."""
        self._peer.close(self._timeout_s)


def run(args: argparse.Namespace) -> int:
    """`deepsc send`."""
    if bool(args.files) == args.mic:
        raise HostError(
            "give recordings to send, or --mic, not both" if args.mic else "give recordings, or --mic"
        )
    context = zmq.Context()
    try:
        sender = Sender(context, args.address, args.user_id, args.timeout, args.curve_key)
        sender.wait_for_peer()
        reader = None
        if args.wait:
            reader = ResultReader(context, args.result_address, args.curve_key, sender.session, args.user_id)
            reader.wait_for_peer(args.timeout)
        status = _send_all(sender, reader, args)
        sender.close()
        if reader:
            reader.close()
        context.term()
        return status
    finally:
        context.destroy(linger=0)


def _send_all(sender: Sender, reader: ResultReader | None, args: argparse.Namespace) -> int:
    status, answered, unread = DONE, 0, 0

    def read(timeout_s: float) -> bool:
        """True where an utterance was answered."""
        nonlocal status, answered, unread
        answer = reader.read(timeout_s)
        if answer is None:
            return False
        result = answer.fields
        if unreadable(result):
            unread += 1
            complain(f"{_unread(1)}: {result['error']}; it may be another sender's; still waiting")
            if args.json:
                show(result, args.json)
            return False
        show(result, args.json)
        answered += 1
        if result["lost"] or result["error"]:
            status = SOME_FAILED
        return True

    for name, source in _sources(args):
        if source is not None:
            try:
                samples = audio.check(*source)
                seq = sender.send(samples)
                if reader:
                    reader.expect(seq)
                complain(f"sent {name}: {len(samples) / SAMPLE_RATE:.1f} s as {sender.session}#{seq}")
            except audio.AudioError as error:
                complain(f"{name}: {error}")
                status = SOME_FAILED
        while reader and answered < sender.sent and read(0.0):
            pass
    last = time.monotonic()
    while reader and answered < sender.sent:
        if read(0.2):
            last = time.monotonic()
        elif time.monotonic() - last > args.timeout:
            complain(
                f"no result for {sender.sent - answered} of {sender.sent} utterances in {args.timeout:g} s"
                + (f"; {_unread(unread)}: send again, with more power" if unread else "")
            )
            return SOME_FAILED
    if not args.mic and sender.sent < len(args.files):
        status = SOME_FAILED
    return status


def _unread(bursts: int) -> str:
    return f"{bursts} burst{'s were' if bursts > 1 else ' was'} heard that could not be read"


def _sources(args: argparse.Namespace) -> Iterator[tuple[str, tuple[np.ndarray, int] | None]]:
    if args.mic:
        from ..sound.microphone import utterances

        complain("listening; speak, and press Ctrl-C to end")
        stop = threading.Event()
        default = signal.signal(signal.SIGINT, lambda *_: (stop.set(), signal.signal(signal.SIGINT, default)))
        for utterance in utterances(args.device, args.seconds, stop):
            yield "an utterance", utterance
        return
    for path in args.files:
        try:
            yield path, audio.read(path)
        except audio.AudioError as error:
            complain(name_error(path, str(error)))
