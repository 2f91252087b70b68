"""The end of a flowgraph: message ports whose PDUs become Python dictionaries in a queue."""

import queue
from typing import Any

import numpy as np
import pmt
from gnuradio import gr


class Collector(gr.basic_block):
    """Puts (port, metadata) into `results` for each message at one of its ports; speech goes as `speech`."""

    def __init__(self) -> None:
        gr.basic_block.__init__(self, "collector", None, None)
        self.results: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        for handler in (self.text, self.failed, self.refused, self.status):
            self.message_port_register_in(pmt.intern(handler.__name__))
            self.set_msg_handler(pmt.intern(handler.__name__), handler)

    # GNU Radio calls handlers by their name: one each
    def text(self, pdu: Any) -> None:
        """A text, spoken or not."""
        fields, vector = _fields(pmt.car(pdu)), pmt.cdr(pdu)
        if pmt.is_f32vector(vector):
            fields["speech"] = np.array(pmt.f32vector_elements(vector), np.float32)
        self.results.put(("text", fields))

    def failed(self, pdu: Any) -> None:
        """What the receiver or the decoder could not read."""
        self.results.put(("failed", _fields(pmt.car(pdu))))

    def refused(self, pdu: Any) -> None:
        """What was never sent."""
        self.results.put(("refused", _fields(pmt.car(pdu))))

    def status(self, counters: Any) -> None:
        """The receiver's counters."""
        self.results.put(("status", _fields(counters)))


def _fields(meta: Any) -> dict[str, Any]:
    fields, keys = {}, pmt.dict_keys(meta)
    for index in range(pmt.length(keys)):
        key = pmt.nth(index, keys)
        value = pmt.dict_ref(meta, key, pmt.PMT_NIL)
        if not pmt.is_uniform_vector(value):  # the CSI: thousands of numbers that nobody here reads
            fields[pmt.symbol_to_string(key)] = pmt.to_python(value)
    return fields
