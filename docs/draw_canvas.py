"""Draws flowgraphs as GNU Radio Companion does; needs Xvfb. In the project's folder:

    GRC_BLOCKS_PATH=gr_deepsc/grc xvfb-run -a .venv/bin/python docs/draw_canvas.py grc_flowgraphs/sim_gui.grc docs/

A folder behind the flowgraphs is where NAME.png go. Prints, a JSON object a flowgraph, its name, GRC's complaints and
the blocks that lie upon each other, comments included.
"""

import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("PangoCairo", "1.0")
import gnuradio.grc.gui.Platform  # noqa: E402  first: its modules import each other in a circle
from gi.repository import Gtk, Pango  # noqa: E402
from gnuradio import gr  # noqa: E402
from gnuradio.grc.gui import Utils  # noqa: E402
from gnuradio.grc.gui.canvas import flowgraph as canvas  # noqa: E402

APART = 4  # pixels, between blocks


def main(*arguments: str) -> None:
    paths = [Path(argument) for argument in arguments if argument.endswith(".grc")]
    folder = next((Path(argument) for argument in arguments if not argument.endswith(".grc")), None)
    platform = _platform()
    for path in paths:
        graph = platform.make_flow_graph(str(path))
        graph.drawing_area = SimpleNamespace(ctrl_mask=False, mod1_mask=False, queue_draw=lambda: None)
        graph.update()
        if folder:
            Utils.make_screenshot(graph, str(folder / f"{path.stem}.png"))
        told = {"name": path.stem, "errors": [str(error) for error in graph.iter_error_messages()]}
        print(json.dumps(told | {"overlaps": overlaps(graph)}), flush=True)


def overlaps(graph) -> list[tuple[str, str]]:
    """Names of blocks of which one covers some of the other or of its comment."""
    return [
        (one.name, other.name)
        for (one, a), (other, b) in itertools.combinations([(block, _area(block)) for block in graph.blocks], 2)
        if all(a[axis] < b[axis + 2] + APART and b[axis] < a[axis + 2] + APART for axis in (0, 1))
    ]


def _area(block) -> tuple[float, float, float, float]:
    """Left, top, right, bottom: of the block as it is drawn, ports and comment included."""
    x, y = block.coordinate
    left, right = (
        max((port.width for port in ports), default=0) for ports in (block.active_sinks, block.active_sources)
    )
    bottom, far = y + block.height, x + block.width + right
    if block._comment_layout:
        width, height = block._comment_layout.get_size()
        bottom, far = bottom + 10 + height / Pango.SCALE, max(far, x + width / Pango.SCALE)
    return x - left, y, far, bottom


def _platform():
    """GRC, with as much of its window as drawing asks for."""
    canvas._ContextMenu = lambda main_window: None
    Gtk.Application.get_default = staticmethod(lambda: SimpleNamespace(get_windows=lambda: []))
    version = (gr.major_version(), gr.api_version(), gr.minor_version())
    make = gnuradio.grc.gui.Platform.Platform
    platform = make(version=gr.version(), version_parts=version, prefs=gr.prefs(), install_prefix=gr.prefix())
    platform.build_library()
    return platform


if __name__ == "__main__":
    main(*sys.argv[1:])
