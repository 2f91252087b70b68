"""What was received, a line an utterance, the newest on top."""

import time

from ..ctc.confidence import marked
from ..result import Result
from . import QtCore, QtGui, QtWidgets

MOST = 200  # lines
LOST = QtGui.QBrush(QtGui.QColor("#c62f34"))
COLUMNS = ("Time", "User", "Es/N0", "Sure", "Text")


class TextTable(QtWidgets.QTableWidget):
    """Time, user, Es/N0, confidence and text; doubtful words are marked, what was lost is red and says why."""

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self._newest: tuple = ()
        self._partial = False  # the newest line is of an utterance that goes on
        self._large = self.font()
        self._large.setPointSizeF(1.2 * self._large.pointSizeF())
        self.setHorizontalHeaderLabels(COLUMNS)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QtWidgets.QHeaderView.ResizeToContents)
        self.setEditTriggers(QtWidgets.QAbstractItemView.NoEditTriggers)
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        self.setVerticalScrollMode(QtWidgets.QAbstractItemView.ScrollPerPixel)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setMinimumSize(640, 170)
        header = self.horizontalHeader()
        header.setDefaultAlignment(QtCore.Qt.AlignmentFlag.AlignLeft)
        header.setSectionResizeMode(QtWidgets.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(len(COLUMNS) - 1, QtWidgets.QHeaderView.Stretch)

    def add(self, result: Result) -> None:
        """A line on top, in place of the newest if it is of the same utterance; the oldest go."""
        es_n0_db = result.es_n0_db if result.es_n0_db is not None else result.es_n0_db_set
        lost = result.lost or not result.text
        cells = (
            time.strftime("%H:%M:%S"),
            "–" if result.seq < 0 or result.user_id is None else str(result.user_id),
            "–" if es_n0_db is None else f"{es_n0_db:.1f} dB",
            "–" if lost or result.confidence is None else f"{100 * result.confidence:.0f} %",
        )
        this = (result.session, result.seq, result.user_id)
        # it goes on, or came again over another channel perhaps; over the air, without a session, numbers repeat
        if this == self._newest and (result.session or self._partial):
            self.removeRow(0)
        self._newest, self._partial = this, bool(result.partial)
        self.insertRow(0)
        for column, cell in enumerate((*cells, _shown(result))):
            item = QtWidgets.QTableWidgetItem(cell)
            if lost or result.error:
                item.setForeground(LOST)
            self.setItem(0, column, item)
        self.item(0, len(COLUMNS) - 1).setFont(self._large)
        self.setRowCount(min(self.rowCount(), MOST))

    def texts(self) -> list[str]:
        """As they stand there, newest first."""
        return [self.item(row, len(COLUMNS) - 1).text() for row in range(self.rowCount())]


def _shown(result: Result) -> str:
    """The text, doubtful words marked as everywhere; or why there is none."""
    text = marked(list(result.words)) or result.text
    return f"{text}  ({result.error})" if text and result.error else text or result.error or "(nothing)"
