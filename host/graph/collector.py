"""The end of a flowgraph: message ports whose PDUs become Python dictionaries in a queue."""

import queue
from typing import Any

import numpy as np

PORTS = ("text", "failed", "refused", "status")


def collector(gr: Any, pmt: Any, results: queue.SimpleQueue) -> Any:
    """A block that puts (port, metadata) into `results` for each message at one of `PORTS`; speech goes as `speech`.

    Args:
        gr, pmt: the modules, which are imported late.
    """

    class Collector(gr.basic_block):
        def __init__(self) -> None:
            gr.basic_block.__init__(self, "collector", None, None)
            for port in PORTS:
                self.message_port_register_in(pmt.intern(port))
                self.set_msg_handler(pmt.intern(port), getattr(self, port))

        # GNU Radio calls handlers by their name: one each
        def text(self, pdu: Any) -> None:
            fields, vector = _fields(pmt, pmt.car(pdu)), pmt.cdr(pdu)
            if pmt.is_f32vector(vector):
                fields["speech"] = np.array(pmt.f32vector_elements(vector), np.float32)
            results.put(("text", fields))

        def failed(self, pdu: Any) -> None:
            results.put(("failed", _fields(pmt, pmt.car(pdu))))

        def refused(self, pdu: Any) -> None:
            results.put(("refused", _fields(pmt, pmt.car(pdu))))

        def status(self, counters: Any) -> None:
            results.put(("status", _fields(pmt, counters)))

    return Collector()


def _fields(pmt: Any, meta: Any) -> dict[str, Any]:
    fields, keys = {}, pmt.dict_keys(meta)
    for index in range(pmt.length(keys)):
        key = pmt.nth(index, keys)
        value = pmt.dict_ref(meta, key, pmt.PMT_NIL)
        if not pmt.is_uniform_vector(value):  # the CSI: thousands of numbers that nobody here reads
            fields[pmt.symbol_to_string(key)] = pmt.to_python(value)
    return fields
