"""Spectrum and waterfall of what a receiver hears."""

from collections.abc import Iterable

import numpy as np

from . import QtCore, QtWidgets  # isort: skip  (before pyqtgraph)
import pyqtgraph

from ..link.spectrum import BINS, FLOOR_DB

ROWS = 120  # of the waterfall
FALL_DB = 0.25  # that the peaks fall a row
ABOVE_DB = 8.0  # that the axis goes on above the strongest
RANGE_DB = 24.0  # that the colours span at least
BACKGROUND, PLAIN, PEAKS, INK = "#10151d", "#59c2ff", "#e6a23c", "#c9d1d9"


class SpectrumView(QtWidgets.QWidget):
    """Powers over frequency: now, recent peaks, and `ROWS` of the past below them, the newest on top."""

    def __init__(self, sample_rate: float, center_hz: float = 0.0, rows_a_second: float = 20.0) -> None:
        """`sample_rate`, `center_hz`: Hz, of the stream. A centre of 1 MHz and more is told apart from the axis."""
        super().__init__()
        self.rows = np.full((ROWS, BINS), np.nan, np.float32)
        self._peaks = np.full(BINS, -np.inf, np.float32)
        far = abs(center_hz) >= 1e6
        first = (0.0 if far else center_hz) / 1e3 - sample_rate / 2e3
        self._frequencies = first + np.arange(BINS) * sample_rate / 1e3 / BINS
        self._colours: tuple[float, float] | None = None
        canvas = pyqtgraph.GraphicsLayoutWidget()
        canvas.setBackground(BACKGROUND)
        canvas.setMinimumSize(640, 380)
        band = (first, first + sample_rate / 1e3)
        self._powers = _axes(canvas, 0, band, "dB of full scale")
        self._powers.showGrid(True, True, 0.25)
        self._peak_line = self._powers.plot(pen=pyqtgraph.mkPen(PEAKS, width=1))
        self._line = self._powers.plot(pen=pyqtgraph.mkPen(PLAIN, width=1.5))
        past = _axes(canvas, 1, band, "seconds ago")
        past.setYRange(0, ROWS / rows_a_second, padding=0)
        past.invertY(True)
        past.setXLink(self._powers)
        past.setLabel("bottom", f"kHz from {center_hz / 1e6:,.6g} MHz" if far else "kHz")
        self._picture = pyqtgraph.ImageItem(axisOrder="row-major")
        self._picture.setLookupTable(pyqtgraph.colormap.get("inferno").getLookupTable(0.0, 1.0, 256))
        self._picture.setImage(np.zeros_like(self.rows))  # setRect asks for its size
        self._picture.setRect(QtCore.QRectF(first, 0, sample_rate / 1e3, ROWS / rows_a_second))
        past.addItem(self._picture)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(canvas)

    def add(self, rows: Iterable[np.ndarray]) -> None:
        """Powers in dB, float32 [BINS] each, lowest frequency first, oldest row first."""
        for row in rows:
            self.rows = np.concatenate((row[None], self.rows[:-1]))
            self._peaks = np.maximum(row, self._peaks - FALL_DB)
        self._line.setData(self._frequencies, self.rows[0])
        self._peak_line.setData(self._frequencies, self._peaks)
        if not self._scale():
            return  # silence so far
        self._picture.setImage(np.nan_to_num(self.rows, nan=-200.0), autoLevels=False, levels=self._colours)

    def _scale(self) -> bool:
        """Colours and axis follow noise and strongest of the past, smoothly; False where there is only silence."""
        heard = self.rows[self.rows > FLOOR_DB + 1]  # neither digital silence nor what is not there yet
        if not len(heard):
            return False
        low = float(np.percentile(heard, 40)) - 6
        high = max(float(heard.max()), low + RANGE_DB)
        if self._colours:
            low, high = (0.7 * before + 0.3 * now for before, now in zip(self._colours, (low, high), strict=True))
        self._colours = low, high
        self._powers.setYRange(low - 5, high + ABOVE_DB, padding=0)
        return True


def _axes(
    canvas: pyqtgraph.GraphicsLayoutWidget, row: int, band: tuple[float, float], label: str
) -> pyqtgraph.PlotItem:
    axes = canvas.addPlot(row=row, col=0)
    axes.setXRange(*band, padding=0)
    axes.setMouseEnabled(False, False)
    axes.hideButtons()
    axes.setMenuEnabled(False)
    axes.setLabel("left", label)
    axes.getAxis("left").setWidth(56)  # the same for both: frequencies stand below each other
    for side in ("left", "bottom"):
        axes.getAxis(side).setPen(INK)
        axes.getAxis(side).setTextPen(INK)
    return axes
