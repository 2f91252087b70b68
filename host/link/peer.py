"""Whether somebody is there: ZeroMQ connects in silence, a person wants to be told."""

import time

import zmq
from zmq.utils.monitor import recv_monitor_message

from gr_deepsc.link.sockets import LinkError, open_socket

from ..errors import HostError, refused

REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | REFUSED
SETTLE_S = 0.1  # from a SUB socket's handshake until the publisher has surely read its subscription


class Peer:
    """A connecting socket, and whether somebody is at the other end of it.

    Args:
        kind, address, curve_key: as for gr_deepsc.link.sockets.open_socket.
        role: the name of the flowgraph's block at `address`, for the error.

    Raises:
        HostError: a bad address, or keys that are missing.
    """

    def __init__(self, context: zmq.Context, kind: str, address: str, role: str, curve_key: str = "") -> None:
        self._address, self._role, self._keyed = address, role, bool(curve_key)
        self.connected, self.handshakes = False, 0
        self._refused = False
        with refused(LinkError):
            self.socket = open_socket(context, kind, address, False, curve_key, prepare=self._watch)

    def _watch(self, socket: zmq.Socket) -> None:
        # before it connects: on one machine the handshake is over in less than a millisecond
        self._monitor = socket.get_monitor_socket(EVENTS)

    def update(self, timeout_s: float = 0.0) -> bool:
        """Read what happened, waiting at most `timeout_s` for something; True while the peer is there."""
        while self._monitor.poll(round(timeout_s * 1000)):
            event = recv_monitor_message(self._monitor)["event"]
            self.connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self.handshakes += self.connected
            self._refused |= bool(event & REFUSED)
            timeout_s = 0.0
        return self.connected

    def wait(self, timeout_s: float) -> None:
        """Wait for the handshake.

        Raises:
            HostError: nobody was there for `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while not self.update(max(0.0, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                raise self.absent(timeout_s)

    def absent(self, timeout_s: float) -> HostError:
        """The error that says that nobody is there."""
        if self._refused and self._keyed:
            return HostError(
                f"the {self._role} at {self._address} refused this key; add it to its clients/ folder, or leave out "
                "--curve-key if the flowgraph has none"
            )
        if self._refused:
            return HostError(
                f"what listens at {self._address} wants a key (or is no flowgraph): give --curve-key FOLDER, the "
                "client's keys"
            )
        return HostError(
            f"no flowgraph's {self._role} at {self._address} within {timeout_s:g} s; start one with "
            "`deepsc flowgraph run sim_fading`"
        )

    def close(self, linger_s: float = 0.0) -> None:
        """Close the socket; what is still queued has `linger_s` seconds to leave, once the context is terminated."""
        self.socket.disable_monitor()
        self._monitor.close(linger=0)
        self.socket.close(linger=round(linger_s * 1000))
