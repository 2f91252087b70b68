"""Result Link: text or audio PDUs in, results to hosts over ZeroMQ out."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pmt
import zmq

from ..framing import SAMPLE_RATE
from ..link.addresses import RESULT_ADDRESS
from ..link.protocol import FORMATS, MAX_PAYLOAD, SPEECH_FORMAT, ProtocolError
from ..link.publisher import Publisher
from ..link.sockets import Bound, LinkError
from .pdu import PduBlock, PduError, metadata, plain_fields

SERVE_S = 0.05  # between two looks for requests of subscribers


class ResultLink(PduBlock):
    """Binds a ZeroMQ PUB socket and publishes each utterance's result, protocol 1 (gr_deepsc/link/protocol.py).

    Port: `text` in; wire the `failed` ports of the other blocks here too, so that a lost utterance is a
    result and not silence. Every metadata value that is a string, a number or a truth value goes into the
    result; the vector of an audio PDU goes along as speech. The counter `published` tells how many went out. A
    subscriber that was away asks for the latest once more (gr_deepsc/link/publisher.py).
    """

    def __init__(self, address: str = RESULT_ADDRESS, curve_key: str = ""):
        """`address`: loopback, or any with `curve_key`, a folder made by `deepsc keys`.

        Raises:
            LinkError: an address that cannot be bound; says what to do.
        """
        super().__init__("Result Link", "text", failed=None)
        self.watch: Callable[[dict[str, Any]], object] = lambda fields: None  # called with each result's metadata
        self._bound = Bound("xpub", address, curve_key)
        self._publisher, self._lock = Publisher(self._bound), threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def published(self) -> int:
        """Results so far."""
        return self._publisher.published

    def start(self):
        """Open the socket again after a stop."""
        with self._lock:
            self._bound.open()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._serve, name="result link", daemon=True)
        self._thread.start()
        return True

    def stop(self):
        """Free the address."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            self._bound.close()
        return True

    def handle(self, message: Any) -> None:
        if not (pmt.is_pair(message) and pmt.is_dict(pmt.car(message))):
            raise PduError("bad_message", "not a PDU: needed is (metadata dict, vector)")
        fields, vector = plain_fields(pmt.car(message)), pmt.cdr(message)
        if not pmt.is_f32vector(vector):
            self._send(fields)
            return
        speech = np.array(pmt.f32vector_elements(vector), np.float32)
        rate = round(fields.pop("sample_rate", SAMPLE_RATE))
        if len(speech) * FORMATS[SPEECH_FORMAT].itemsize > MAX_PAYLOAD:
            fields["warning"] = f"{len(speech) / rate:.0f} s of speech are too long for a message: not sent"
            self._send(fields)
            return
        self._send(fields, speech, rate)

    def fail(self, lost: Any) -> None:
        """Publish a lost utterance; one whose metadata breaks the protocol, as far as it can be told."""
        fields = plain_fields(metadata(lost))
        try:
            self._send(fields)
        except ProtocolError as error:
            reason = ProtocolError(str(fields.get("error", error))[:500], error.error_type, fields)
            self._send(reason.result())

    def _send(self, fields: dict[str, Any], speech: np.ndarray | None = None, speech_rate: int | None = None) -> None:
        self.watch(fields)
        with self._lock:
            try:
                self._publisher.send(fields, speech, speech_rate)
            except zmq.ZMQError as error:  # nobody can be told over a broken socket
                self.logger.error(f"result not sent: {error}")

    def _serve(self) -> None:
        look = 0
        while not self._stopping.wait(SERVE_S):
            with self._lock:
                try:
                    look = (look + 1) % round(1 / SERVE_S)
                    if look == 0:
                        self._bound.turn_out()
                    self._publisher.serve()
                except (zmq.ZMQError, LinkError) as error:
                    self.logger.error(f"subscribers are not heard: {error}")
