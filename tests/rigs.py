"""A transceiver for tests: hamlib's rigctld with its dummy rig, watched by a client of its own."""

import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from graph import wait_until
from hosts import free_addresses

NEEDS_RIGCTLD = pytest.mark.skipif(not shutil.which("rigctld"), reason="apt-get install libhamlib-utils")
POLL_S = 0.005


class Rig:
    """rigctld's answers to `t`, every 5 ms: when PTT changed, by time.monotonic()."""

    def __init__(self, port: int) -> None:
        self.way, self.changes, self._end = f"rigctld:127.0.0.1:{port}", [], threading.Event()
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    @property
    def keyed(self) -> bool:
        return bool(self.changes) and self.changes[-1][1] != "0"

    def _watch(self) -> None:
        last = "0"
        while not self._end.wait(POLL_S):
            try:
                self._socket.sendall(b"t\n")
                answer = self._socket.recv(64).decode().strip()
            except OSError:  # rigctld has ended
                return
            if answer and answer != last:
                self.changes.append((time.monotonic(), answer))
                last = answer

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._socket.close()


@contextmanager
def dummy_rig():
    """A `Rig` over `rigctld -m 1 -P RIG`: without a type of PTT it answers RPRT -1."""
    port = int(free_addresses(1)[0].rpartition(":")[2])
    with subprocess.Popen(["rigctld", "-m", "1", "-P", "RIG", "-t", str(port)]) as process:
        wait_until(lambda: _listens(port))
        rig = Rig(port)
        try:
            yield rig
        finally:
            process.kill()
            rig.close()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False
