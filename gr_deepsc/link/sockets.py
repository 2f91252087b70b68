"""ZeroMQ sockets: limits set before they bind or connect, CURVE keys wherever they leave this machine."""

import errno
import ipaddress
import os
import weakref
from collections.abc import Callable
from pathlib import Path

import zmq
import zmq.auth

from . import clients
from .addresses import AUDIO_ADDRESS
from .clients import LISTEN, SEND

MAX_FRAME = 4 << 20  # bytes; libzmq drops a peer that announces a larger frame
# messages queued a peer: at most 128 MiB of audio; of results some 50 MiB, with 6 s of speech each
HIGH_WATER = {"push": 32, "pull": 32, "pub": 250, "xpub": 250, "sub": 250}
TIMEOUT_MS = 1000
HEARTBEAT_MS = 500
KINDS = {"push": zmq.PUSH, "pull": zmq.PULL, "pub": zmq.PUB, "xpub": zmq.XPUB, "sub": zmq.SUB}
TOPIC = b"{"  # what a "sub" socket listens to: headers are JSON objects


class LinkError(RuntimeError):
    """A socket that could not be opened, in one line that says what to do."""


class InUseError(LinkError):
    """An address that somebody else listens at."""


def open_socket(
    context: zmq.Context,
    kind: str,
    address: str,
    bind: bool,
    curve_key: str | Path = "",
    prepare: Callable[[zmq.Socket], object] | None = None,
) -> zmq.Socket:
    """A socket bounded in memory and time: a peer that vanishes, floods or stalls cannot hold its owner.

    Sends and receives give up after `TIMEOUT_MS` (zmq.Again). A "push" socket queues only for a peer that is
    there.

    Args:
        context: closed by its owner; `context.term()` ends the key checker too.
        kind: "push", "pull", "pub", "xpub" (a "pub" that hears who subscribes to what) or "sub" (to all messages).
        address: tcp://HOST:PORT, ipc://PATH or inproc://NAME.
        bind: whether this is the side others connect to.
        curve_key: folder of `deepsc keys`; needed for an address off this machine, used wherever given. The
            binding side takes its own secret key there and lets in the clients of its subfolder clients/; the
            connecting side takes the server's public key and its own.
        prepare: called with the socket before it binds or connects, for whoever must see its first event.

    Raises:
        LinkError: a bad address, one off this machine without keys, missing keys, or a port in use.
    """
    if kind not in KINDS:
        raise LinkError(f"socket kind {kind!r} is not one of {', '.join(KINDS)}")
    if not _is_local(address) and not curve_key:
        raise LinkError(
            f"{address} leaves this machine: make keys with `deepsc keys FOLDER` "
            "and give both sides that folder as their CURVE key"
        )
    socket = context.socket(KINDS[kind])
    try:
        _limit(socket, kind)
        socket.setsockopt(zmq.IPV6, "[" in address)
        if curve_key:
            _use_keys(context, socket, Path(curve_key), SEND if kind in ("push", "pull") else LISTEN, bind)
        if kind == "sub":
            socket.subscribe(TOPIC)
        if prepare:
            prepare(socket)
        (socket.bind if bind else socket.connect)(address)
    except LinkError:
        socket.close()
        raise
    except zmq.ZMQError as error:
        socket.close()
        if error.errno in (zmq.EADDRINUSE, errno.EADDRINUSE):
            raise InUseError(
                f"{address} is in use: another flowgraph runs there; stop it or choose another port"
            ) from None
        raise LinkError(f"cannot {'bind' if bind else 'connect'} {address}: {error.strerror}") from None
    return socket


class Bound:
    """The socket of a block that others connect to, open from the beginning; a flowgraph may stop and start again.

    Args:
        kind, address, curve_key: as for `open_socket`, whose errors are raised.
        events: of zmq, which `monitor` then tells.
    """

    def __init__(self, kind: str, address: str, curve_key: str, events: int = 0) -> None:
        self.address = address
        self._kind, self._curve_key, self._events = kind, curve_key, events
        self._right = SEND if kind == "pull" else LISTEN
        self._shut: weakref.finalize | None = None
        self.open()

    def open(self) -> None:
        """Bind it, unless it is bound."""
        if self._shut and self._shut.alive:
            return
        self._clients = self._allowed()
        context, opened = zmq.Context(), []

        def watch(socket: zmq.Socket) -> None:
            opened.append(socket)
            if self._events:
                opened.append(socket.get_monitor_socket(self._events))

        # Whatever collects a forgotten block: a context that goes before its sockets waits for them for ever.
        shut = weakref.finalize(self, _shut, context, opened)
        try:
            self.socket = open_socket(context, self._kind, self.address, True, self._curve_key, watch)
        except LinkError:
            shut()
            raise
        self.monitor, self._shut = opened[-1], shut

    def close(self) -> None:
        """Free the address."""
        if self._shut:
            self._shut()

    def turn_out(self) -> bool:
        """Where a client's key was taken away, let all go: those who still have a right come back by themselves.

        Call it now and then, in the thread that owns the socket. True where it happened: then `socket` is a new one.
        """
        before, self._clients = self._clients, self._allowed()
        if not (self._shut and self._shut.alive) or before <= self._clients:
            return False
        self.close()
        self.open()
        return True

    def _allowed(self) -> frozenset[bytes]:
        return clients.allowed(Path(self._curve_key), self._right) if self._curve_key else frozenset()


def _shut(context: zmq.Context, opened: list[zmq.Socket]) -> None:
    for socket in opened:
        socket.close(linger=0)
    context.term()


def receive_frames(socket: zmq.Socket, flags: int = 0) -> list[bytes]:
    """One message's frames, at most four: the rest of a longer one is read and dropped frame by frame."""
    return receive(socket, flags)[0]


def receive(socket: zmq.Socket, flags: int = 0) -> tuple[list[bytes], str]:
    """The same, and who sent it: the client's public key, where there are keys, else the connection ("": unknown)."""
    frame = socket.recv(flags, copy=False)
    frames, peer = [frame.bytes], _peer(frame)
    while socket.getsockopt(zmq.RCVMORE):
        part = socket.recv(flags)
        if len(frames) < 4:
            frames.append(part)
    return frames, peer


def _peer(frame: zmq.Frame) -> str:
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:  # no keys
        pass
    try:
        return connection(int(frame.get(zmq.SRCFD)))
    except zmq.ZMQError:  # inproc
        return ""


def connection(descriptor: int) -> str:
    """The name of a connection without keys: `receive`'s, and that of a monitor's event."""
    return f"connection {descriptor}"


def make_keys(folder: str | Path) -> list[Path]:
    """Make a key pair for the server (the flowgraph) and one for a client (`deepsc send`, `deepsc receive`).

    Returns:
        The files made: server.key and client.key (public), *.key_secret, and clients/client.key: the folder
        clients/ holds the public keys of all who may connect, clients/send and clients/listen of those who may
        only do that.

    Raises:
        LinkError: the folder has keys already.
        OSError: they cannot be written; none is left then.
    """
    folder = Path(folder)
    for right in (SEND, LISTEN):
        (folder / "clients" / right).mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    if any(folder.glob("*.key*")):
        raise LinkError(f"{folder} has keys already; choose another folder or remove them")
    made, allowed = [], folder / "clients" / "client.key"
    try:
        for name in ("server", "client"):
            made += [Path(path) for path in zmq.auth.create_certificates(folder, name)]
            (folder / f"{name}.key_secret").chmod(0o600)
        allowed.write_bytes((folder / "client.key").read_bytes())
    except BaseException:  # a full disk: half a key is none, and would be in the way of the next try
        for half in [*folder.glob("*.key*"), allowed]:
            half.unlink(missing_ok=True)
        raise
    return [*made, allowed]


def _is_local(address: str) -> bool:
    if address.startswith(("ipc://", "inproc://")):
        return True
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not host or not (port == "*" or (port.isdecimal() and int(port) < 65536)):
        raise LinkError(f"{address!r} is no address; write it as tcp://HOST:PORT, for example {AUDIO_ADDRESS}")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False  # a name or an interface: it may be anywhere


def _limit(socket: zmq.Socket, kind: str) -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER[kind])
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER[kind])
    socket.setsockopt(zmq.SNDTIMEO, TIMEOUT_MS)
    socket.setsockopt(zmq.RCVTIMEO, TIMEOUT_MS)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 4 * HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 4 * HEARTBEAT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
    if kind == "push":
        socket.setsockopt(zmq.IMMEDIATE, 1)


def _use_keys(context: zmq.Context, socket: zmq.Socket, folder: Path, right: str, bind: bool) -> None:
    secret = folder / f"{'server' if bind else 'client'}.key_secret"
    try:
        own_public, own_secret = zmq.auth.load_certificate(secret)
        server, _ = zmq.auth.load_certificate(folder / "server.key")
        open_to_others = os.name == "posix" and secret.stat().st_mode & 0o077
    except (OSError, ValueError) as error:
        raise LinkError(f"no CURVE keys in {folder} ({error}); make them with `deepsc keys {folder}`") from None
    if own_secret is None:
        raise LinkError(f"{folder} holds no secret key for this side; make keys with `deepsc keys FOLDER`")
    if open_to_others:
        raise LinkError(
            f"{secret} can be read by others: chmod 600 {secret}, or make new keys with `deepsc keys FOLDER`"
        )
    socket.curve_publickey, socket.curve_secretkey = own_public, own_secret
    if bind:
        socket.curve_server = True
        clients.check(context, socket, folder, right)
    else:
        socket.curve_serverkey = server
