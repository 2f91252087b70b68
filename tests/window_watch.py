"""A compiled flowgraph with its window, until so many texts are in its list: watched from within its process.

`window_watch.py FOLDER NAME COUNT PARAMETERS [PICTURE [FOLDER OTHER PARAMETERS]]`: parameters as JSON; PICTURE is
written in the end, "" for none; OTHER is a flowgraph without a window that runs beside it, as the air of the tests'
radio reaches no further than its process. Prints as a JSON object what there is to be seen.
"""

import importlib
import json
import sys

import numpy as np
from PyQt5 import QtCore, QtWidgets

LATER_MS = 700  # behind the text: the waterfall has the burst by then


def main(folder: str, name: str, count: str, parameters: str, picture: str = "", *beside: str):
    sys.path[:0] = [folder, *beside[:1]]
    application = QtWidgets.QApplication(sys.argv[:1])
    window = getattr(importlib.import_module(name), name)(**json.loads(parameters))
    graphs = [window]
    if beside:
        graphs.append(getattr(importlib.import_module(beside[1]), beside[1])(**json.loads(beside[2])))
    for graph in graphs:
        graph.start()
    window.show()

    def look() -> None:
        if len(window.text_list.widget.table.texts()) >= int(count):
            timer.stop()
            QtCore.QTimer.singleShot(LATER_MS, tell)

    def tell() -> None:
        if picture:
            window.grab().save(picture)
        seen = {"texts": window.text_list.widget.table.texts(), "size": [window.width(), window.height()]}
        seen["hidden"] = (
            window.top_scroll.verticalScrollBar().maximum() + window.top_scroll.horizontalScrollBar().maximum()
        )
        if hasattr(window, "signal_view"):
            shown = window.signal_view.widget
            strongest = np.nanmax(shown.spectrum.rows, axis=0)
            seen |= {"state": shown.station.state, "snr": shown.station.snr.text(), "strongest": strongest.tolist()}
        print(json.dumps(seen), flush=True)
        application.quit()

    timer = QtCore.QTimer()
    timer.timeout.connect(look)
    timer.start(50)
    if hasattr(window, "speech_panel"):
        QtCore.QTimer.singleShot(500, window.speech_panel.widget.send_button.click)
    application.exec_()
    for graph in graphs:
        graph.stop()
        graph.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
