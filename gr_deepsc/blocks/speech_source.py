"""Speech Source: audio PDUs in, a stream for the Audio Sink out, silent in between."""

import threading
from collections import deque
from math import gcd
from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from scipy.signal import resample_poly

from .pdu import PduError, get, unpack

LONGEST = 600.0  # s of speech that may wait to be played
BUFFER = 4096  # samples: what is queued behind this block delays the speech


class SpeechSource(gr.sync_block):
    """Plays utterances one after the other and never ends: a sound card must not run dry between them.

    Ports: `audio` in; float samples out, full scale 1.0, as fast as the block behind it takes them (Audio Sink, or a
    Throttle). Speech beyond `LONGEST` seconds of backlog is dropped and counted in `dropped`.
    """

    def __init__(self, sample_rate: float = 48_000.0):
        """`sample_rate` (Hz) of the stream.

        Raises:
            ValueError: it is no whole number of hertz above 0.
        """
        gr.sync_block.__init__(self, name="Speech Source", in_sig=None, out_sig=[np.float32])
        if sample_rate != int(sample_rate) or sample_rate <= 0:
            raise ValueError(f"a sample rate of {sample_rate} Hz: needed is a whole number above 0")
        self.dropped = 0
        self._rate = int(sample_rate)
        self._queue: deque[np.ndarray] = deque()
        self._waiting = 0  # samples
        self._lock = threading.Lock()
        self.set_max_output_buffer(0, BUFFER)
        self.message_port_register_in(pmt.intern("audio"))
        self.set_msg_handler(pmt.intern("audio"), self._receive)

    def work(self, input_items, output_items):
        out = output_items[0]
        filled = 0
        with self._lock:
            while self._queue and filled < len(out):
                part = self._queue.popleft()
                room = len(out) - filled
                out[filled : filled + len(part)] = part[:room]
                filled += min(len(part), room)
                if len(part) > room:
                    self._queue.appendleft(part[room:])
            self._waiting -= filled
        out[filled:] = 0
        return len(out)

    def _receive(self, message: Any) -> None:
        try:
            self._append(message)
        except Exception as error:  # a message handler that raises ends the block's thread without a word
            self.logger.warn(f"not played: {error}")

    def _append(self, message: Any) -> None:
        meta, samples = unpack(message, "audio")
        rate = round(get(meta, "sample_rate", 0.0))
        if rate <= 0:
            raise PduError("bad_rate", "the audio PDU has no 'sample_rate' in its metadata")
        if not len(samples):
            return
        if rate != self._rate:
            common = gcd(rate, self._rate)
            samples = resample_poly(samples, self._rate // common, rate // common).astype(np.float32)
        with self._lock:
            if self._waiting + len(samples) > LONGEST * self._rate:
                self.dropped += 1
                raise PduError("too_long", f"{LONGEST:g} s of speech wait already; utterance dropped")
            self._queue.append(samples)
            self._waiting += len(samples)
