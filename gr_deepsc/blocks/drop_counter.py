"""Drop Counter: what a radio lost, overflows and underflows, counted and told."""

import time
from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from .pdu import put

REPORT_S = 1.0  # between two lines of the log
RATE_PPM = 100.0  # of a wrong sample rate, beside the +-200 that the modem follows
EVENTS = {
    "underflow": "underflows",
    "underflow_in_packet": "underflows",
    "sequence_error": "sequence_errors",
    "sequence_error_in_burst": "sequence_errors",
    "time_error": "late",
}


class DropCounter(gr.sync_block):
    """Listens to a USRP: the tags of its source, the asynchronous messages of its sink.

    A USRP Source writes the tag `rx_time` where its stream begins, and again behind every overflow; the jump of that
    time is what was lost. (It also does so when it is tuned anew, which our flowgraphs do not.) Soapy Source and Sink
    have neither tags nor messages: their overflows are seen on stderr only, as sO.

    Ports: complex samples in (optional); `async_msgs` in; `text` in and out: results pass through and gain the
    counters as metadata; `status` out: a dictionary of the counters after each event. The counters are `overflows`,
    `samples_lost`, `underflows`, `sequence_errors` and `late` (samples that came after their time).
    """

    def __init__(self, sample_rate: float = 200_000.0):
        """`sample_rate` in hertz, of the stream.

        Raises:
            ValueError: the rate is not positive.
        """
        signature = gr.py_io_signature(0, 1, [np.complex64])
        gr.sync_block.__init__(self, name="Drop Counter", in_sig=signature, out_sig=None)
        if not sample_rate > 0:
            raise ValueError(f"a sample rate of {sample_rate} Hz: it must be above 0")
        for port in ("text", "status"):
            self.message_port_register_out(pmt.intern(port))
        for port, handler in (("async_msgs", self._take_event), ("text", self._pass_on)):
            self.message_port_register_in(pmt.intern(port))
            self.set_msg_handler(pmt.intern(port), handler)
        self._sample_rate = float(sample_rate)
        self._since: tuple[int, int, float] | None = None  # sample and time (s, its fraction) of the latest rx_time
        self._logged, self._unsaid = 0.0, False
        self.overflows = self.samples_lost = self.underflows = self.sequence_errors = self.late = 0

    @property
    def counters(self) -> dict[str, int]:
        """All of them by name."""
        names = ("overflows", "samples_lost", "underflows", "sequence_errors", "late")
        return {name: getattr(self, name) for name in names}

    def work(self, input_items, output_items):
        try:
            for tag in self.get_tags_in_window(0, 0, len(input_items[0])):
                key = pmt.symbol_to_string(tag.key)
                if key == "rx_time":
                    self._take_time(tag.offset, pmt.to_python(tag.value))
                elif key == "rx_rate":
                    self._take_rate(pmt.to_python(tag.value))
            if self._unsaid:
                self._log()
        except Exception as error:  # GNU Radio would hang on it; samples are worth more than their count
            self.logger.error(f"a tag could not be read: {error}")
        return len(input_items[0])

    def stop(self):
        """Say what has not been said."""
        if self._unsaid:
            self._log(last=True)
        return True

    def _take_time(self, sample: int, now: tuple[int, float]) -> None:
        before, self._since = self._since, (sample, *now)
        if before is None:
            return
        elapsed = (now[0] - before[1]) + (now[1] - before[2])
        self.overflows += 1
        # A device without a clock tags the time 0 for ever: then nobody knows how many.
        self.samples_lost += max(0, round(elapsed * self._sample_rate) - (sample - before[0]))
        self._report()

    def _take_rate(self, rate: float) -> None:
        if abs(rate / self._sample_rate - 1) > 1e-6 * RATE_PPM:
            self.logger.error(
                f"the device samples at {rate:g} Hz, not at {self._sample_rate:g}: nothing will be decoded; "
                "choose a rate that divides its master clock, or set the clock in the device arguments"
            )

    def _take_event(self, message: Any) -> None:
        try:
            codes = pmt.dict_ref(pmt.cdr(message), pmt.intern("event_code"), pmt.PMT_NIL)
            told = [pmt.symbol_to_string(pmt.nth(i, codes)) for i in range(pmt.length(codes))]
            counted = [EVENTS[code] for code in told if code in EVENTS]
            for name in counted:
                setattr(self, name, getattr(self, name) + 1)
            if counted:
                self._report()
        except Exception as error:  # it would silently end the block's thread
            self.logger.error(f"not an asynchronous message of UHD: {error}")

    def _pass_on(self, message: Any) -> None:
        if pmt.is_pair(message) and pmt.is_dict(pmt.car(message)):
            message = pmt.cons(put(pmt.car(message), **self.counters), pmt.cdr(message))
        self.message_port_pub(pmt.intern("text"), message)

    def _report(self) -> None:
        self.message_port_pub(pmt.intern("status"), put(pmt.make_dict(), **self.counters))
        self._unsaid = True
        self._log()

    def _log(self, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._logged >= REPORT_S:
            told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in self.counters.items() if count)
            self.logger.warn(f"so far: {told}; a lower rate or a faster machine helps")
            self._logged, self._unsaid = now, False
