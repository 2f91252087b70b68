"""Burst Receiver: a stream of samples in, a PDU of equalised symbols an utterance out."""

from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from ..phy.burst import Lost
from ..phy.listener import Listener, describe
from ..phy.utterance import Reception
from .pdu import failure, put


class BurstReceiver(gr.sync_block):
    """Finds bursts, 4 samples a symbol, at any level, carrier (+-10 % of the symbol rate) and clock (+-300 ppm).

    Ports: complex samples in; `flush` in, for any message that says that the stream has ended; `symbols` out for
    utterances, `failed` out for bursts whose header cannot be read, `status` out: a dictionary of the counters
    and of the flushes after each change. Utterances carry `user_id`, `seq` (modulo 32), `codec`, `reliability`
    (float, one a symbol), `es_n0_db`, `symbol_rate`, `cfo_hz`, `drift_hz_s`, `clock_ppm`, `timing` (sample of the
    first burst), `evm`, `fading`, `n_symbols`, `n_bursts`, `bursts_missing` and `received`, the share of the
    utterance that came; bursts that cannot be read `seq` -1, no user, `es_n0_db`, `symbol_rate`, `cfo_hz` and `timing`.
    """

    def __init__(self, symbol_rate: float = 50_000.0):
        """`symbol_rate` in hertz; the stream has 4 samples a symbol.

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
        self._listener = Listener()
        self._flushes = 0
        self.error: Exception | None = None

    @property
    def position(self) -> int:
        """Samples that have been worked on."""
        return self._listener.position

    def work(self, input_items, output_items):
        try:
            samples, before = input_items[0], self._listener.counters
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
        self._flushes += 1
        self._report()

    def _publish(self, event: Reception | Lost) -> None:
        meta = put(pmt.make_dict(), **describe(event, self._symbol_rate))
        if isinstance(event, Lost):
            self.message_port_pub(pmt.intern("failed"), failure(meta, event.error_type, event.error))
            return
        vector = pmt.init_c32vector(len(event.symbols), event.symbols.tolist())
        self.message_port_pub(pmt.intern("symbols"), pmt.cons(put(meta, reliability=event.reliability), vector))

    def _report(self) -> None:
        counters: Any = pmt.make_dict()
        for name, value in (self._listener.counters | {"flushes": self._flushes}).items():
            counters = pmt.dict_add(counters, pmt.intern(name), pmt.from_long(value))
        self.message_port_pub(pmt.intern("status"), counters)
