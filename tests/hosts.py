"""A host for tests: pushes audio to a flowgraph and hears its results, over real ZeroMQ sockets."""

import socket
import time

import numpy as np
import zmq

from gr_deepsc.link.protocol import pack_utterance, unpack_result
from gr_deepsc.link.sockets import open_socket, receive_frames


def free_addresses(count: int = 2) -> list[str]:
    """Loopback addresses that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return [f"tcp://127.0.0.1:{port}" for port in ports]


class Host:
    """Connects to an Audio Link and a Result Link; use it in a `with`."""

    def __init__(self, audio_address: str, result_address: str, curve_key: str = ""):
        self.context = zmq.Context()
        self.push = open_socket(self.context, "push", audio_address, bind=False, curve_key=curve_key)
        self.sub = open_socket(self.context, "sub", result_address, bind=False, curve_key=curve_key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.push.close()
        self.sub.close()
        self.context.term()

    def settle(self, timeout: float = 20.0) -> None:
        """Wait until the flowgraph listens and its results arrive: a bad message comes back as one."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                self.push.send(b"is anybody there?", zmq.NOBLOCK)
            except zmq.Again:  # not bound yet
                time.sleep(0.05)
            if self.sub.poll(200):
                break
        while self.sub.poll(500):
            receive_frames(self.sub)

    def send(self, samples: np.ndarray, seq: int, session: str = "test", **header) -> None:
        """Send one utterance in chunks."""
        for frames in pack_utterance(samples, session=session, seq=seq, **header):
            self.push.send_multipart(frames)

    def result(self, timeout: float = 20.0) -> dict:
        """The next result, as JSON has it."""
        assert self.sub.poll(round(1000 * timeout)), f"no result in {timeout} s"
        return unpack_result(receive_frames(self.sub)).result.as_json()
