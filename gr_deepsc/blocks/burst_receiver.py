"""Burst Receiver: a stream of samples in, a PDU of equalised symbols an utterance out."""

from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from ..phy import receiver
from ..phy.burst import Burst, Lost
from ..phy.frame import MAX_FRAMES, Layout
from ..phy.pulse import SAMPLES_PER_SYMBOL
from ..phy.utterance import SEQUENCE, Joiner, Utterance
from .pdu import failure, put

_LONGEST = SAMPLES_PER_SYMBOL * Layout(MAX_FRAMES).symbols
SEQUENCE_GAP = 16  # a larger jump of the sequence number is a sender that began anew


class BurstReceiver(gr.sync_block):
    """Finds bursts, 4 samples a symbol, at any level, carrier (+-10 % of the symbol rate) and clock (+-300 ppm).

    Ports: complex samples in; `flush` in, for any message that says that the stream has ended; `symbols` out for utterances, `failed` out for bursts whose header cannot be read,
    `status` out: a dictionary of the counters after each event. Utterances carry `user_id`, `seq` (modulo 32),
    `codec`, `reliability` (float, one a symbol), `es_n0_db`, `cfo_hz`, `clock_ppm`, `timing` (sample of the first
    burst), `evm`, `fading`, `n_symbols`, `n_bursts` and `bursts_missing`.
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
        self._receiver, self._joiner = receiver.BurstReceiver(), Joiner()
        self.position = 0  # samples that have been worked on
        self._sequence: dict[int, int] = {}  # the last one of each user
        self.utterances = self.lost = 0
        self.error: Exception | None = None

    @property
    def detected(self) -> int:
        """Bursts found, readable or not."""
        return self._receiver.detected

    @property
    def header_errors(self) -> int:
        """Bursts found whose header could not be read."""
        return self._receiver.header_errors

    def work(self, input_items, output_items):
        try:
            samples = input_items[0]
            for event in self._receiver.push(samples):
                self._take(event)
            for utterance in self._joiner.expire(self.position, _LONGEST):
                self._publish(utterance)
            self.position += len(samples)
            return len(samples)
        except Exception as error:  # GNU Radio would hang on it
            self.error = error
            self.logger.error(f"stopped: {error}")
            return -1

    def flush(self, _message: Any = None) -> None:
        """The stream has ended, another one may begin: publishes what is still in it, and the status."""
        try:
            for event in self._receiver.flush():
                self._take(event)
            for utterance in self._joiner.flush():
                self._publish(utterance)
        except Exception as error:  # it would silently end the block's thread
            self.error = error
            self.logger.error(f"stopped: {error}")
        self._report()

    def _take(self, event: Burst | Lost) -> None:
        if isinstance(event, Burst):
            self._count(event)
            for utterance in self._joiner.push(event):
                self._publish(utterance)
        else:
            meta = put(
                pmt.make_dict(),
                seq=-1,
                es_n0_db=event.es_n0_db,
                cfo_hz=event.cfo * self._symbol_rate,
                timing=event.start,
            )
            self.message_port_pub(pmt.intern("failed"), failure(meta, event.error_type, event.error))
        self._report()

    def _count(self, burst: Burst) -> None:
        """Sequence numbers that were jumped over are bursts that nobody heard."""
        head = burst.header
        before = self._sequence.get(head.user_id)
        if before is not None and head.seq != before:
            jump = (head.seq - before) % SEQUENCE
            self.lost += jump - 1 if jump <= SEQUENCE_GAP else 0
        self._sequence[head.user_id] = head.seq

    def _publish(self, utterance: Utterance) -> None:
        self.utterances += 1
        bursts = utterance.bursts
        weights = [len(burst.symbols) for burst in bursts]
        mean = lambda values: float(np.average(list(values), weights=weights))  # noqa: E731
        meta = put(
            pmt.make_dict(),
            session="",
            seq=utterance.seq,
            user_id=utterance.user_id,
            codec=utterance.codec,
            es_n0_db=mean(burst.es_n0_db for burst in bursts),
            cfo_hz=mean(burst.cfo for burst in bursts) * self._symbol_rate,
            clock_ppm=mean(burst.clock_ppm for burst in bursts),
            evm=mean(burst.evm for burst in bursts),
            timing=bursts[0].start,
            fading=bursts[0].channel,
            n_symbols=len(utterance.symbols),
            n_bursts=len(bursts),
            bursts_missing=utterance.missing,
            reliability=utterance.reliability,
        )
        vector = pmt.init_c32vector(len(utterance.symbols), utterance.symbols.tolist())
        self.message_port_pub(pmt.intern("symbols"), pmt.cons(meta, vector))

    def _report(self) -> None:
        counters: Any = pmt.make_dict()
        for name in ("detected", "header_errors", "lost", "utterances"):
            counters = pmt.dict_add(counters, pmt.intern(name), pmt.from_long(getattr(self, name)))
        self.message_port_pub(pmt.intern("status"), counters)
