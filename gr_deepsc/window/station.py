"""The state of a receiver on one line: lamp, level, SNR, carrier, counters."""

import time
from collections.abc import Mapping

from ..result import Result
from . import QtCore, QtWidgets

LIT_S = 2.0  # that the lamp stays on
QUIET_DB, LOUD_DB = -90.0, -3.0  # of full scale: the ends of the level's bar
LAMPS = {"listening": "#5b6673", "burst": "#f0b429", "received": "#2fb344", "lost": "#e5484d"}


class StationView(QtWidgets.QWidget):
    """A lamp (listening; a burst was found; text was received; a burst could not be read), level, Es/N0, counters."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self._lit_until = "", 0.0
        self._detected = self.received = self.lost = 0
        self.lamp, self.level = QtWidgets.QLabel(), QtWidgets.QProgressBar()
        self.snr, self.carrier, self.counts = (QtWidgets.QLabel("–") for _ in range(3))
        self.lamp.setMinimumWidth(120)
        self.level.setRange(round(QUIET_DB), 0)
        self.level.setMinimumWidth(150)
        self.level.setFormat("%v dB of full scale")
        self.level.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.addWidget(self.lamp)
        for name, widget in (("Level", self.level), ("Es/N0", self.snr), ("Carrier", self.carrier)):
            layout.addSpacing(14)
            layout.addWidget(QtWidgets.QLabel(name))
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addSpacing(14)
        layout.addWidget(self.counts)
        self._light("listening")
        self._count()

    def hear(self, level_db: float) -> None:
        """The mean power of the latest samples, dB of full scale."""
        self.level.setValue(round(min(max(level_db, QUIET_DB), 0.0)))
        colour = LAMPS["lost"] if level_db > LOUD_DB else "#3b82f6"
        self.level.setStyleSheet(f"QProgressBar::chunk {{ background: {colour}; }}")
        if self.state != "listening" and time.monotonic() > self._lit_until:
            self._light("listening")

    def count(self, counters: Mapping[str, int]) -> None:
        """What the receiver tells on its port `status`."""
        if counters.get("detected", 0) > self._detected:
            self._light("burst")
        self._detected = counters.get("detected", self._detected)
        self._count()

    def take(self, result: Result) -> None:
        """What became of an utterance or of a burst."""
        lost = result.lost or bool(result.error)
        self.lost, self.received = self.lost + lost, self.received + (not lost)
        self._light("lost" if lost else "received")
        if result.es_n0_db is not None:
            self.snr.setText(f"<b>{result.es_n0_db:.1f} dB</b>")
        if result.cfo_hz is not None:
            self.carrier.setText(f"<b>{result.cfo_hz:+,.1f} Hz</b>")
        self._count()

    def _light(self, state: str) -> None:
        self.state, self._lit_until = state, time.monotonic() + LIT_S
        self.lamp.setText(f'<span style="color: {LAMPS[state]}; font-size: 16pt">●</span> {state}')

    def _count(self) -> None:
        self.counts.setText(
            f"Bursts <b>{self._detected}</b> &nbsp; Texts <b>{self.received}</b> &nbsp; Lost <b>{self.lost}</b>"
        )
