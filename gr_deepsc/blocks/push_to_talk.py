"""Push to Talk: audio for a transceiver through it, and the transceiver keyed while there is a signal."""

import time
from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from ..radio.permission import RadioError
from ..radio.ptt import LIMIT_S, Ptt
from .pdu import failure

QUIET = 1e-5  # of full scale: -100 dB, below the last bit of 16
TONE_HZ, TONE = 1500.0, 0.25  # what opens a VOX: where the signal will be, and about as strong
BUFFER = 2048  # samples behind this block: what is in it is still to be sent when the last of it has left us
BEAT_S = 0.3


class PushToTalk(gr.basic_block):
    """Keys a transceiver `lead_s` before a signal, which waits for it, and releases it when it was silent for `tail_s`.

    Ports: float samples in and out, `failed` out. A burst whose transceiver cannot be keyed is not sent, but reported
    there. What waits in the sound card behind this block is still to be played when the signal ends here: `tail_s`
    has to be longer than that.

    Attributes:
        times: of the last transmission, by time.monotonic(): keyed, first sample out, last sample out, released.
    """

    def __init__(
        self,
        way: str = "none",
        sample_rate: float = 48_000.0,
        lead_s: float = 0.2,
        tail_s: float = 0.5,
        limit_s: float = LIMIT_S,
    ):
        """`way` as of `radio.ptt.WAYS`; with vox a tone of `lead_s` opens it, with none nothing is done.

        Raises:
            RadioError: bad_ptt, for a way that there is not or that does not work, or times that are not positive.
        """
        gr.basic_block.__init__(self, name="Push to Talk", in_sig=[np.float32], out_sig=[np.float32])
        if not (0 <= lead_s <= 10 and 0 < tail_s <= 10 and 1 <= limit_s <= 3600):
            raise RadioError("bad_ptt", "the lead is 0 to 10 s, the tail up to 10 s, the limit 1 to 3600 s")
        self.set_max_output_buffer(BUFFER)
        self._failed = pmt.intern("failed")
        self.message_port_register_out(self._failed)
        lead = np.arange(round(lead_s * sample_rate))
        tone = TONE if way == "vox" else 0.0
        self._lead = (tone * np.sin(2 * np.pi * TONE_HZ / sample_rate * lead)).astype(np.float32)
        self._tail = round(tail_s * sample_rate)
        self._ptt = None if way in ("none", "vox") else Ptt(way, limit_s)
        self._passes = way == "none"
        self._on = self._mute = False
        self._led = self._silent = 0
        self._beat = 0.0
        self.times = [0.0] * 4

    def forecast(self, noutput, ninputs):
        return [1]

    def general_work(self, input_items, output_items):
        heard, out = input_items[0], output_items[0]
        try:
            return self._pass(heard, out)
        except Exception as error:  # out of `work` it would hang the flowgraph
            self.logger.error(f"push-to-talk: {error}")
            self._end()
            return -1

    def stop(self) -> bool:
        """The flowgraph ends: never keyed without it."""
        self._end()
        return True

    def _pass(self, heard: np.ndarray, out: np.ndarray) -> int:
        if self._on and self._led < len(self._lead):  # the burst waits
            piece = self._lead[self._led : self._led + len(out)]
            out[: len(piece)] = piece
            self._led += len(piece)
            self._alive()
            return len(piece)
        n = min(len(heard), len(out))
        loud = np.flatnonzero(np.abs(heard[:n]) > QUIET)
        if not self._on and not self._passes and len(loud):
            if loud[0] == 0:
                self._begin()
                return 0
            n, loud = int(loud[0]), loud[:0]
        out[:n] = 0 if self._mute else heard[:n]
        self.consume(0, n)
        if self._on:
            self._alive()
            self._listen(n, loud)
        return n

    def _listen(self, n: int, loud: np.ndarray) -> None:
        """How long it has been silent; so long that the transmission is over?"""
        if len(loud):
            now = time.monotonic()
            self.times[1] = self.times[1] or now
            self.times[2] = now
        self._silent = n - 1 - int(loud[-1]) if len(loud) else self._silent + n
        if self._silent >= self._tail:
            self._end()

    def _begin(self) -> None:
        self._on, self._mute, self._led, self._silent = True, False, 0, 0
        self.times = [time.monotonic(), 0.0, 0.0, 0.0]
        if self._ptt:
            try:
                self.times[0] = self._ptt.key()
            except RadioError as error:
                self._mute = True
                self._report(error)

    def _end(self) -> None:
        if not self._on:
            return
        self._on = False
        try:
            self.times[3] = self._ptt.release() if self._ptt else time.monotonic()
        except RadioError as error:
            self._report(error)

    def _alive(self) -> None:
        if self._ptt and self._ptt.keyed and time.monotonic() - self._beat > BEAT_S:
            self._beat = time.monotonic()
            self._ptt.alive()

    def _report(self, error: Any) -> None:
        self.logger.error(f"push-to-talk: {error}")
        self.message_port_pub(self._failed, failure(pmt.make_dict(), error.error_type, str(error)))
