"""Whether somebody is there: ZeroMQ connects in silence, a person wants to be told."""

import time

import zmq
from zmq.utils.monitor import recv_monitor_message

from .errors import HostError

EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
SETTLE_S = 0.1  # from a SUB socket's handshake until the publisher has surely read its subscription


class Peer:
    """Watches a connecting socket's handshakes. `close` it before the socket."""

    def __init__(self, socket: zmq.Socket, address: str, role: str) -> None:
        """`role` names the flowgraph's block at `address`, for the error."""
        self._socket, self._address, self._role = socket, address, role
        self._monitor = socket.get_monitor_socket(EVENTS)
        self.connected = False
        self._refused = False

    def update(self, timeout_s: float = 0.0) -> bool:
        """Read what happened, waiting at most `timeout_s` for something; True while the peer is there."""
        while self._monitor.poll(round(timeout_s * 1000)):
            event = recv_monitor_message(self._monitor)["event"]
            self.connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self._refused |= event == zmq.EVENT_HANDSHAKE_FAILED_AUTH
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
        if self._refused:
            return HostError(
                f"the {self._role} at {self._address} refused this key; add it to its clients/ folder"
            )
        return HostError(
            f"no flowgraph's {self._role} at {self._address} within {timeout_s:g} s; start one with "
            "`deepsc flowgraph run sim_fading`"
        )

    def close(self) -> None:
        """Stop watching."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)


def open_or_explain(context: zmq.Context, kind: str, address: str, curve_key: str) -> zmq.Socket:
    """`gr_deepsc.link.open_socket` on the connecting side, with its errors as `HostError`."""
    from gr_deepsc.link import LinkError, open_socket

    try:
        return open_socket(context, kind, address, bind=False, curve_key=curve_key)
    except LinkError as error:
        raise HostError(str(error)) from None
