"""Signal View: spectrum, waterfall, level and state of a receiver in the flowgraph's window."""

from collections import deque
from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from ..link.spectrum import BINS, measured
from ..window import Panel, QtWidgets
from ..window.spectrum import ROWS, SpectrumView
from ..window.station import StationView
from .pdu import result_of
from .stretches import Stretches

A_SECOND = 20  # rows of the waterfall: a burst of 0.07 s at 50,000 symbols a second fills one


class SignalView(gr.sync_block):
    """Shows what a receiver hears, and how it does. Needs a Qt application: it is for flowgraphs with a window.

    Ports: complex samples in; `text` in, for results and failures; `status` in, the receiver's counters. `widget` is
    what it shows.
    """

    def __init__(self, sample_rate: float = 200_000.0, center_hz: float = 0.0) -> None:
        """`sample_rate`, `center_hz`: of the stream, Hz.

        Raises:
            ValueError: the rate is not positive.
        """
        gr.sync_block.__init__(self, name="Signal View", in_sig=[np.complex64], out_sig=None)
        if not sample_rate > 0:
            raise ValueError(f"a sample rate of {sample_rate} Hz: it must be above 0")
        self._sample_rate = float(sample_rate)
        step = max(BINS, round(sample_rate / A_SECOND))
        self._stretches = Stretches(step)
        self._rows: deque[tuple[np.ndarray, float]] = deque(maxlen=ROWS)  # spectrum and mean power, dB
        self._told: deque[tuple[str, Any]] = deque(maxlen=ROWS)
        for port, handler in (("text", self._take_text), ("status", self._take_status)):
            self.message_port_register_in(pmt.intern(port))
            self.set_msg_handler(pmt.intern(port), handler)
        self.widget = _Signal(self._rows, self._told, self._sample_rate, center_hz, self._sample_rate / step)

    def work(self, input_items, output_items):
        for stretch in self._stretches.push(input_items[0]):
            self._measure(stretch)
        return len(input_items[0])

    def _measure(self, samples: np.ndarray) -> None:
        power = float(np.mean(samples.real**2 + samples.imag**2))
        self._rows.append((measured(samples, self._sample_rate).levels, 10 * np.log10(max(power, 1e-16))))

    # GNU Radio calls handlers by their name: one each
    def _take_text(self, message: Any) -> None:
        self._told.append(("text", message))

    def _take_status(self, counters: Any) -> None:
        self._told.append(("status", counters))


class _Signal(Panel):
    def __init__(self, rows: deque, told: deque, sample_rate: float, center_hz: float, rows_a_second: float) -> None:
        super().__init__()
        self._rows, self._told = rows, told
        self.station, self.spectrum = StationView(), SpectrumView(sample_rate, center_hz, rows_a_second)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.station)
        layout.addWidget(self.spectrum, 1)

    def look(self) -> None:
        while self._told:
            kind, message = self._told.popleft()
            if kind == "status":
                self.station.count(pmt.to_python(message))
            elif (result := result_of(message)) is not None:
                self.station.take(result)
        rows = [self._rows.popleft() for _ in range(len(self._rows))]
        if rows:
            self.spectrum.add(row for row, _ in rows)
            self.station.hear(max(level for _, level in rows))
