"""Who may connect: CURVE keys in a folder that is looked at anew whenever somebody knocks.

CURVE alone encrypts, but lets in whoever knows the server's public key. Who may is asked of a ZAP handler (RFC 27)
inside the same context: a REP socket at a fixed inproc address, one a context. pyzmq's own, ThreadAuthenticator, does
not end with its context: `context.term()` waits for ever unless it was stopped before.
"""

import threading
from pathlib import Path

import zmq
import zmq.auth
import zmq.utils.z85

SEND, LISTEN = "send", "listen"  # what a client may do: audio into the flowgraph, its results out of it
_ZAP_ADDRESS = "inproc://zeromq.zap.01"
_lock = threading.Lock()


def allowed(folder: Path, right: str) -> frozenset[bytes]:
    """Public keys of those who have a right: of clients/*.key both, of clients/send and clients/listen one.

    A file that is no key lets nobody in.
    """
    keys = []
    for path in (*(folder / "clients").glob("*.key"), *(folder / "clients" / right).glob("*.key")):
        try:
            keys.append(zmq.auth.load_certificate(path)[0])
        except (OSError, ValueError):  # half-written, or taken away meanwhile
            continue
    return frozenset(keys)


def check(context: zmq.Context, socket: zmq.Socket, folder: Path, right: str) -> None:
    """Let only `allowed` clients connect to a socket that is not bound yet."""
    domain = f"{right}:{folder.resolve()}".encode()
    socket.setsockopt(zmq.ZAP_DOMAIN, domain)
    with _lock:
        zap = zmq.Socket(context, zmq.REP)  # context.socket() would let context.destroy() close it
        zap.setsockopt(zmq.LINGER, 0)
        try:
            zap.bind(_ZAP_ADDRESS)
        except zmq.ZMQError:  # this context has its handler already
            zap.close()
            return
    threading.Thread(target=_answer, args=(zap,), name="deepsc-zap", daemon=True).start()


def _answer(zap: zmq.Socket) -> None:
    while True:
        try:
            request = zap.recv_multipart()  # ends with ETERM when the context is terminated
        except zmq.ZMQError:
            break
        version, sequence, domain, mechanism = request[0], request[1], request[2], request[5]
        key = zmq.utils.z85.encode(request[6]) if mechanism == b"CURVE" and len(request) > 6 else b""
        right, _, folder = domain.decode().partition(":")
        known = key in allowed(Path(folder), right)
        status = [b"200", b"OK", key] if known else [b"400", b"unknown client key", b""]
        zap.send_multipart([version, sequence, *status, b""])  # the key becomes the message property User-Id
    zap.close()
