"""Socket, browser, and the end by Ctrl-C."""

import errno
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from pathlib import Path
from types import FrameType

import uvicorn

from ..errors import HostError, loading
from .app import Application, users
from .guard import Guard
from .live import Links, Live
from .recordings import Recordings
from .runs import Runs

_PORTS = (errno.EADDRINUSE, errno.EACCES)  # another port would help
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(host: str, port: int, model: str, voices: str, links: Links, browser: bool) -> None:
    """Serve the page until Ctrl-C or SIGTERM; of the main thread.

    Raises:
        HostError: the port is taken, there is no such address, no voices, or no keys for `links`.
    """
    with loading("the voices"):
        known = users(voices)
    with _listen(host, port) as listening, tempfile.TemporaryDirectory(prefix="deepsc-web-") as folder:
        port = listening.getsockname()[1]
        token = "" if host in LOOPBACK else secrets.token_urlsafe(16)
        uploads, files, speech = Path(folder, "uploads"), Path(folder, "runs"), Path(folder, "speech")
        for each in (uploads, files, speech):
            each.mkdir()
        runs, live = Runs(files, voices), Live(links, speech)
        app = Application(Recordings(uploads), runs, live, model, known).starlette()
        hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
        address = _address(host, port, token)
        server = _Server(uvicorn.Config(Guard(app, hosts, token), log_level="warning", access_log=False), runs, live)
        print(f"deepsc web: {address}\nCtrl-C ends it", flush=True)
        if browser and _has_display():
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # else what ends us so leaves the folder behind
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:  # uvicorn has shut down, and raises it again
            if server.ended_by == signal.SIGINT:
                raise
        finally:
            runs.join()
            live.join()


class _Server(uvicorn.Server):
    """Ends what runs first: who follows it would else keep the server up."""

    def __init__(self, config: uvicorn.Config, runs: Runs, live: Live) -> None:
        config.timeout_graceful_shutdown = 2
        super().__init__(config)
        self._runs, self._live = runs, live
        self.ended_by = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.ended_by = sig
        self._runs.close()
        self._live.close()
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens; errors as of `serve`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        instead = "; take another one, or any free one: --port 0" if error.errno in _PORTS else ""
        raise HostError(f"cannot listen at {host}, port {port}: {error.strerror}{instead}") from None
    return listening


def _address(host: str, port: int, token: str) -> str:
    """As a browser takes it; where all addresses are served, this machine's own name."""
    name = socket.gethostname() if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def _has_display() -> bool:
    """Without one a browser in the terminal might open."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
