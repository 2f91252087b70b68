"""Text List: what was received, line by line in the flowgraph's window."""

from collections import deque
from typing import Any

import pmt
from gnuradio import gr

from ..window import Panel, QtWidgets
from ..window.texts import MOST, TextTable
from .pdu import result_of


class TextList(gr.basic_block):
    """Shows results, the newest on top. Needs a Qt application: it is for flowgraphs with a window.

    Port: `text` in, for results and failures. `widget` is what it shows.
    """

    def __init__(self) -> None:
        gr.basic_block.__init__(self, name="Text List", in_sig=None, out_sig=None)
        self._told: deque[Any] = deque(maxlen=MOST)
        self.message_port_register_in(pmt.intern("text"))
        self.set_msg_handler(pmt.intern("text"), self._take)
        self.widget = _Texts(self._told)

    def _take(self, message: Any) -> None:
        self._told.append(message)


class _Texts(Panel):
    def __init__(self, told: deque) -> None:
        super().__init__()
        self._told, self.table = told, TextTable()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)

    def look(self) -> None:
        while self._told:
            if (result := result_of(self._told.popleft())) is not None:
                self.table.add(result)
