"""Burst Receiver: a stream of samples in, a PDU of equalised symbols an utterance out."""

import time
from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from ..codec.rates import KNOWN
from ..phy.burst import Lost
from ..phy.listener import Listener, describe
from ..phy.pulse import SAMPLES_PER_SYMBOL
from ..phy.utterance import Reception
from .pdu import failure, put
from .punctual import LATE_S, Punctuality

PIECE = 1 << 16  # samples that are worked on before the clock is looked at again


class BurstReceiver(gr.sync_block):
    """Finds bursts, 4 samples a symbol, at any level, carrier (+-10 % of the symbol rate) and clock (+-300 ppm).

    Ports: complex samples in; `flush` in, for any message that says that the stream has ended; `symbols` out for
    utterances, `failed` out for bursts whose header cannot be read, `status` out: a dictionary of the counters
    and of the flushes after each change. Utterances carry `user_id`, `seq` (modulo 32), `codec`, `reliability`
    (float, one a symbol), `es_n0_db`, `symbol_rate`, `cfo_hz`, `drift_hz_s`, `clock_ppm`, `timing` (sample of the
    first burst), `evm`, `inverted`, `fading`, `preamble`, `n_symbols`, `n_bursts`, `bursts_missing`, `realigned` and
    `received`, the share of the utterance that came; bursts that cannot be read `seq` -1, no user, `es_n0_db`,
    `symbol_rate`, `cfo_hz` and `timing`.

    A live stream that is worked on too slowly is skipped to the present, `LATE_S` behind it: what was left out is
    counted (`overruns`, `samples_skipped`) and told on `failed` (`overrun`). Utterances carry `heard_at` then (seconds
    of the monotonic clock), so that the blocks behind can tell how late they are.
    """

    def __init__(self, symbol_rate: float = 50_000.0, live: bool = False):
        """`symbol_rate` in hertz; the stream has 4 samples a symbol. `live`: it comes from a radio, and does not wait.

        Raises:
            ValueError: the rate is not positive.
        """
        gr.sync_block.__init__(self, name="Burst Receiver", in_sig=[np.complex64], out_sig=None)
        if not symbol_rate > 0:
            raise ValueError(f"a symbol rate of {symbol_rate} Hz: it must be above 0")
        for port in ("symbols", "failed", "status"):
            self.message_port_register_out(pmt.intern(port))
        self.message_port_register_in(pmt.intern("flush"))
        self.set_msg_handler(pmt.intern("flush"), self.flush)
        self._symbol_rate = float(symbol_rate)
        self._listener = Listener(KNOWN, float(symbol_rate))
        self._punctual = Punctuality(SAMPLES_PER_SYMBOL * self._symbol_rate) if live else None
        self._flushes = self._overruns = self._skipped = self._skipping = 0
        self._begun = 0  # samples of this stream that came before the listener's own stream
        self.outcomes = 0  # utterances and failures that were given out
        self.error: Exception | None = None

    @property
    def position(self) -> int:
        """Samples that have been worked on, or left out."""
        return self._listener.position + self._skipped

    def work(self, input_items, output_items):
        try:
            samples, before = input_items[0][:PIECE], self._listener.counters
            if self._punctual and self._punctual.late(len(samples)):
                self._skip(len(samples))
                return len(samples)
            if self._skipping:
                self._resume()
            for event in self._listener.push(samples):
                self._publish(event)
            if self._listener.counters != before:
                self._report()
            return len(samples)
        except Exception as error:  # GNU Radio would hang on it
            self.error = error
            self.logger.error(f"stopped: {error}")
            return -1

    def flush(self, _message: Any = None) -> None:
        """The stream has ended, another one may begin: publishes what is still in it, and the status."""
        try:
            for event in self._listener.flush():
                self._publish(event)
        except Exception as error:  # it would silently end the block's thread
            self.error = error
            self.logger.error(f"stopped: {error}")
        self._begun = 0
        self._flushes += 1
        self._report()

    def _skip(self, count: int) -> None:
        """Leave out `count` samples; the first of them end what is being received."""
        if not self._skipping:
            self._begun = self.position
            for event in self._listener.flush(skipping=True):
                self._publish(event)
        self._skipping += count
        self._skipped += count

    def _resume(self) -> None:
        seconds = self._skipping / (SAMPLES_PER_SYMBOL * self._symbol_rate)
        meta = put(pmt.make_dict(), seq=-1, symbol_rate=self._symbol_rate, timing=float(self._begun))
        error = f"the receiver was more than {LATE_S:g} s late and left out {seconds:.2f} s; a faster machine helps"
        self.message_port_pub(pmt.intern("failed"), failure(meta, "overrun", error))
        self._begun += self._skipping
        self._skipping = 0
        self._overruns += 1
        self._report()

    def _publish(self, event: Reception | Lost) -> None:
        self.outcomes += 1
        known = describe(event, self._symbol_rate)
        known["timing"] += self._begun
        meta = put(pmt.make_dict(), **known)
        if self._punctual:
            meta = put(meta, heard_at=time.monotonic())
        if isinstance(event, Lost):
            self.message_port_pub(pmt.intern("failed"), failure(meta, event.error_type, event.error))
            return
        vector = pmt.init_c32vector(len(event.symbols), event.symbols.tolist())
        self.message_port_pub(pmt.intern("symbols"), pmt.cons(put(meta, reliability=event.reliability), vector))

    def _report(self) -> None:
        counters: Any = pmt.make_dict()
        more = {"overruns": self._overruns, "samples_skipped": self._skipped, "flushes": self._flushes}
        for name, value in (self._listener.counters | more).items():
            counters = pmt.dict_add(counters, pmt.intern(name), pmt.from_long(value))
        self.message_port_pub(pmt.intern("status"), counters)
