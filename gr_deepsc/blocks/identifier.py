"""Identifier: the station's call sign among the utterances, as text, at the start and at intervals."""

import threading
import time
from typing import Any

import pmt

from ..codec.identification import Identification, check
from ..codec.rates import CODECS
from ..phy.utterance import SEQUENCE
from ..radio.permission import RadioError
from .pdu import PduBlock, get, put, unpack


class Identifier(PduBlock):
    """Sends utterances on, and the call sign before the first and then every `every_min` minutes.

    A station that is silent does not identify itself: when the interval is over, it is due if something was sent since
    the last time, so that the last utterance is followed by the call sign within it.

    Ports: `symbols` in and out.
    """

    def __init__(self, call: str, every_min: float = 10.0, model: str = "default"):
        """`call` sign, and minutes between two identifications, 0.05 to 60.

        Raises:
            RadioError: bad_call, for what is no call sign, or no such interval. Further errors as of `Identification`.
        """
        super().__init__("Identifier", "symbols", "symbols", failed=None)
        if not 0.05 <= every_min <= 60:
            raise RadioError("bad_call", f"a call sign every {every_min:g} minutes: it must be 0.05 to 60")
        try:
            self._what, self._every_s = Identification(check(call), model), 60 * every_min
        except ValueError as error:
            raise RadioError("bad_call", str(error)) from None
        self._lock = threading.Lock()
        self._last, self._owed = -self._every_s, False  # time.monotonic() of the last; sent since then
        self._meta = pmt.make_dict()
        self._timer: threading.Timer | None = None
        self.identified = 0

    def handle(self, message: Any) -> None:
        meta, _ = unpack(message, "symbols")
        with self._lock:
            self._meta = meta
            if time.monotonic() - self._last >= self._every_s:
                self._identify()
            self._owed = True
            self.message_port_pub(self._out, message)

    def stop(self) -> bool:
        """The flowgraph ends."""
        with self._lock:
            if self._timer:
                self._timer.cancel()
                self._timer = None
        return True

    def _due(self) -> None:
        with self._lock:
            if self._owed and self._timer:
                self._identify()

    def _identify(self) -> None:
        # Half a round of numbers away from the utterances, of which somebody may wait for results.
        seq = (get(self._meta, "seq", 0) + SEQUENCE // 2) % SEQUENCE
        added = {
            "codec": self._what.codec,
            "rate": CODECS[self._what.codec],
            "n_symbols": len(self._what.symbols),
            "seq": seq,
            "session": None,
        }
        self.publish(put(self._meta, **added), self._what.symbols)
        self.identified += 1
        self._last, self._owed = time.monotonic(), False
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(self._every_s, self._due)
        self._timer.daemon = True
        self._timer.start()
