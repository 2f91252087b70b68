"""Widgets of flowgraphs that have a window, in Qt: what one sees and touches, without GNU Radio.

spectrum  spectrum and waterfall
station   lamp, level, SNR and counters of a receiver
texts     what was received, line by line
speech    a sample, a file or the microphone, to be sent
"""

from PyQt5 import QtCore, QtGui, QtWidgets  # before pyqtgraph, which takes the Qt that is there: GNU Radio's is 5

__all__ = ["Panel", "QtCore", "QtGui", "QtWidgets"]

COMFORTABLE = QtCore.QSize(1000, 800)  # pixels, of a window that is opened
POLL_MS = 100  # blocks run in threads of their own: their widgets look that often what has come


class Panel(QtWidgets.QWidget):
    """A widget that calls `look` every `POLL_MS`, and whose window is never smaller than what is in it."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(POLL_MS)

    def look(self) -> None:
        """Show what has come since."""
        raise NotImplementedError

    def showEvent(self, event: QtGui.QShowEvent) -> None:  # noqa: N802
        """GRC puts all widgets into a scroll area, which is content with being small: it would hide some of them."""
        super().showEvent(event)
        QtCore.QTimer.singleShot(0, self._make_room)  # once all widgets are in their places

    def _make_room(self) -> None:
        above = self.parentWidget()
        while above is not None and not isinstance(above, QtWidgets.QScrollArea):
            above = above.parentWidget()
        if above is not None:
            above.setMinimumSize(above.widget().minimumSizeHint() + QtCore.QSize(4, 4))
            self.window().resize(self.window().size().expandedTo(COMFORTABLE))
