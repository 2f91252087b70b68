"""Burst Source: PDUs of samples in, an endless stream out, silence between the bursts."""

from collections import deque
from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from .pdu import PduError, unpack

MAX_WAITING = 64  # bursts in the queue: of 15 s of speech each, 18 MB
BUFFER = 1024  # samples


class BurstSource(gr.sync_block):
    """Sends bursts one after the other, and zeros while there is none.

    For devices that want samples all the time (HackRF, sound cards) and for simulation. A USRP goes better with GNU
    Radio's PDU to Stream block, whose tags switch its transmitter off between bursts.

    Ports: `bursts` in, complex samples out. The counters `sent` (bursts) and `refused` (no PDU of samples, or
    more than `MAX_WAITING` waiting) tell how it goes.
    """

    def __init__(self) -> None:
        gr.sync_block.__init__(self, name="Burst Source", in_sig=None, out_sig=[np.complex64])
        # a burst waits behind the zeros in the buffer: at the 4800 samples a second of the audio band they last
        self.set_max_output_buffer(BUFFER)
        self.sent = self.refused = 0
        self._waiting: deque[np.ndarray] = deque()
        self._rest: np.ndarray = np.zeros(0, np.complex64)
        self.message_port_register_in(pmt.intern("bursts"))
        self.set_msg_handler(pmt.intern("bursts"), self._receive)

    def work(self, input_items, output_items):
        out, filled = output_items[0], 0
        while filled < len(out):
            if not len(self._rest):
                if not self._waiting:
                    break
                self._rest = self._waiting.popleft()
                self.sent += 1
            piece = self._rest[: len(out) - filled]
            out[filled : filled + len(piece)] = piece
            filled, self._rest = filled + len(piece), self._rest[len(piece) :]
        out[filled:] = 0
        return len(out)

    def _receive(self, message: Any) -> None:
        try:
            _, samples = unpack(message, "symbols")
            if len(self._waiting) >= MAX_WAITING:
                raise PduError("overload", f"more than {MAX_WAITING} bursts are waiting; send more slowly")
            self._waiting.append(samples)
        except Exception as error:  # it would silently end the block's thread
            self.refused += 1
            self.logger.warn(f"burst refused: {error}")
