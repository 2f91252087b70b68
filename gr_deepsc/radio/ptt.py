"""Push-to-talk for SSB: a transceiver is keyed by a process of its own, which releases it whatever becomes of ours.

rigctld keeps a transceiver keyed when its client is gone, and a process that is killed cannot tidy up. So `Ptt` starts
this module as a second process, the guard, which holds the serial port or the connection. It releases when it is
told to, when the pipe to it ends, when nobody has written to it for `ALIVE_S`, and after `limit_s` in any case.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from .permission import RadioError

WAYS = "none, vox, rts:PORT, dtr:PORT, rigctld:HOST:PORT or rigctld-data:HOST:PORT"
LIMIT_S = 180.0  # that a transmitter stays keyed at most, as the time-out timers of repeaters and transceivers have it
ALIVE_S = 2.0  # without a word from the flowgraph: it hangs
ANSWER_S = 3.0  # that a transceiver may take to be keyed
RETRIES = 40  # of a release that failed, half a second apart

# What hamlib's set_ptt is told: 1 keys with the microphone's socket, 3 with the data socket or USB (hamlib's rig.h).
_RIGCTLD = {"rigctld": "1", "rigctld-data": "3"}


class Switch(Protocol):
    """What keys a transceiver. `set` raises OSError where it cannot."""

    def set(self, on: bool) -> None:
        """Key, or release."""


class Line:
    """RTS or DTR of a serial port; `port` is a device or one of pyserial's URLs."""

    def __init__(self, line: str, port: str) -> None:
        import serial

        self._line, self._port = line, serial.serial_for_url(port, do_not_open=True)
        self._port.rts = self._port.dtr = False  # as soon as it is open, which else keys for a moment
        self._port.open()

    def set(self, on: bool) -> None:
        setattr(self._port, self._line, on)


class Rigctld:
    """hamlib's network protocol: a line to rigctld, `RPRT 0` from it."""

    def __init__(self, address: str, ptt: str) -> None:
        host, _, port = address.rpartition(":")
        self._address, self._ptt = (host or "localhost", int(port)), ptt
        self._socket: socket.socket | None = None

    def set(self, on: bool) -> None:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, ANSWER_S / 2)
            self._socket.sendall(f"T {self._ptt if on else 0}\n".encode())
            answer = self._socket.recv(256).decode(errors="replace").strip()
        except OSError:
            self._socket = None  # another time by a new connection
            raise
        if answer != "RPRT 0":
            self._socket = None
            raise OSError(f"rigctld answered {answer!r}")


def switch(way: str) -> Switch:
    """The switch of a `way`, released.

    Raises:
        RadioError: bad_ptt, for what is none of `WAYS`, or cannot be opened.
    """
    kind, _, where = way.partition(":")
    network = kind in _RIGCTLD and where.rpartition(":")[2].isdecimal()
    if not network and not (kind in ("rts", "dtr") and where):
        raise RadioError("bad_ptt", f"push-to-talk by {way!r}: it must be {WAYS}")
    try:
        made: Switch = Rigctld(where, _RIGCTLD[kind]) if network else Line(kind, where)
        made.set(False)
    except (OSError, ValueError) as error:
        daemon = "is rigctld running, and told how to key, such as with -P RIG?"
        hint = daemon if network else "is the cable in, and has the port modem lines?"
        raise RadioError("bad_ptt", f"push-to-talk by {way} does not work ({error}): {hint}") from None
    return made


class Ptt:
    """A transceiver's push-to-talk, as the flowgraph sees it.

    Attributes:
        keyed: it is keyed, as far as is known here.
    """

    def __init__(self, way: str, limit_s: float = LIMIT_S) -> None:
        """Start the guard; `way` is one of `WAYS` but none and vox, which need no switch.

        Raises:
            RadioError: bad_ptt.
        """
        self.keyed = False
        command = [sys.executable, "-m", __name__, way, str(limit_s)]
        # in a session of its own, Ctrl-C does not reach it
        self._guard = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            self._answer("ready", 10.0)
        except RadioError:
            self.close()
            raise

    def key(self) -> float:
        """Key; returns when it was, by time.monotonic(). RadioError (ptt) where it could not be."""
        self._tell(b"1")
        at = self._answer("1")
        self.keyed = True
        return at

    def alive(self) -> None:
        """Say that the flowgraph runs; to be called more often than `ALIVE_S` while it is keyed."""
        self._tell(b".")

    def release(self) -> float:
        """Release; returns when it was, by time.monotonic(). RadioError (ptt) where nothing is known of it."""
        self.keyed = False
        self._tell(b"0")
        return self._answer("0")

    def close(self) -> None:
        """Release and end the guard."""
        self.keyed = False
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe:
                pipe.close()
        with suppress(subprocess.TimeoutExpired):  # it goes on trying to release
            self._guard.wait(ANSWER_S)

    def _tell(self, word: bytes) -> None:
        assert self._guard.stdin
        try:
            self._guard.stdin.write(word)
        except OSError:
            raise RadioError("ptt", "the process that keys the transceiver has ended; start again") from None

    def _answer(self, word: str, patience_s: float = 2 * ANSWER_S) -> float:
        """The time in the guard's answer to `word`, a line: the word, and a time or why there is none."""
        pipe, until = self._guard.stdout, time.monotonic() + patience_s
        assert pipe
        while select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            told, _, what = pipe.readline().decode().strip().partition(" ")
            if told not in (word, ""):  # a late one, to a word before
                continue
            try:
                return float(what)
            except ValueError:
                reason = what or "the process that keys the transceiver has ended; start again"
                raise RadioError("ptt", reason) from None
        raise RadioError("ptt", f"the transceiver was not keyed or released within {patience_s:g} s")


def guard(made: Switch, limit_s: float, say: Callable[[str, object], object]) -> None:
    """Key and release as the bytes on standard input say, until they end; see the module."""
    keyed_at = 0.0
    try:
        while True:
            heard = select.select([0], [], [], ALIVE_S if keyed_at else None)[0]
            word = os.read(0, 1) if heard else None
            if word == b"":
                return
            long = keyed_at and time.monotonic() - keyed_at > limit_s
            if word is None or long:
                keyed_at = 0.0
                why = f"it was keyed for {limit_s:g} s" if long else f"no audio came for {ALIVE_S:g} s"
                print(f"deepsc: PTT released: {why}{_release(made)}", file=sys.stderr)
            if word == b"1":
                try:
                    made.set(True)
                    keyed_at = time.monotonic()
                    say("1", keyed_at)
                except OSError as error:
                    say("1", f"the transceiver cannot be keyed: {error}")
            elif word == b"0":
                keyed_at = 0.0
                say("0", _release(made) or time.monotonic())
    finally:
        _release(made)


def _release(made: Switch) -> str:
    """Nothing, or why it could not be."""
    for _ in range(RETRIES):
        try:
            made.set(False)
            return ""
        except OSError as error:
            print(f"deepsc: PTT cannot be released ({error}); trying again", file=sys.stderr)
            time.sleep(0.5)
    return "the transceiver cannot be released: SWITCH IT OFF"


def main() -> None:
    """The guard's process: `python -m gr_deepsc.radio.ptt WAY LIMIT_S`."""

    def say(word: str, what: object) -> None:
        with suppress(BrokenPipeError):
            print(word, what, flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        made = switch(sys.argv[1])
    except RadioError as error:
        say("ready", error)
        return
    say("ready", time.monotonic())
    guard(made, float(sys.argv[2]), say)


if __name__ == "__main__":
    main()
