"""Run compiled flowgraphs in one process, until SIGTERM: `together.py FOLDER NAME=JSON...`, JSON their parameters.

The loopback driver's air reaches no further than its process; so the transmitter and the receiver share one here.
"""

import importlib
import json
import signal
import sys


def main(folder: str, *graphs: str) -> None:
    sys.path.insert(0, folder)
    tops = []
    for graph in graphs:
        name, _, parameters = graph.partition("=")
        tops.append(getattr(importlib.import_module(name), name)(**json.loads(parameters)))

    def end(*_):
        for top in tops:
            top.stop()
        for top in tops:
            top.wait()
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    for top in tops:
        top.start()
    while True:
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
