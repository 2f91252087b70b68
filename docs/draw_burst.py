"""Draws docs/burst.png: a burst of six seconds of speech to scale. Run: python docs/draw_burst.py"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from gr_deepsc.phy.frame import GUARD, Layout
from gr_deepsc.phy.preamble import LONG

COLOURS = {"chirp": "tab:blue", "header": "tab:orange", "payload": "tab:green", "pilots": "black", "guard": "grey"}


def draw(axes: plt.Axes, layout: Layout, first: int, last: int) -> None:
    """Symbols `first` to `last`, counted from the first chirp's first."""
    parts = [("guard", range(-GUARD, 0)), ("guard", range(layout.end, layout.end + GUARD))]
    parts += [("chirp", range(LONG.chirp)), ("chirp", range(layout.down, layout.down + LONG.chirp))]
    parts += [("header", layout.header), ("payload", layout.payload)]
    if last - first < 1000:  # narrower than a pixel otherwise
        parts += [("pilots", layout.pilots)]
    else:
        header_pilots, payload_pilots = np.split(layout.pilots, [layout.header_pilots])
        parts += [("header", header_pilots), ("payload", payload_pilots)]
    for name, places in parts:
        here = [place for place in places if first <= place < last]
        height = 1.22 if name not in ("payload", "guard") else 1.0 if name == "payload" else 0.6
        axes.bar(here, height, 1.0, color=COLOURS[name], linewidth=0)
    axes.set_xlim(first, last)
    axes.set_yticks([])
    axes.set_xlabel("symbols after the first chirp's first")


def main() -> None:
    layout = Layout(150)
    figure, (whole, near) = plt.subplots(2, 1, figsize=(11, 3.6), layout="constrained")
    draw(whole, layout, -GUARD, layout.end + GUARD)
    whole.set_title(f"6 s of speech: {layout.symbols} symbols, {100 * layout.overhead:.1f} % of them not payload")
    draw(near, layout, layout.down - 60, layout.down + LONG.chirp + 120)
    near.set_title("between header and payload")
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()]
    figure.legend(handles, COLOURS, loc="outside lower center", ncols=5)
    figure.savefig(Path(__file__).with_name("burst.png"), dpi=110)


if __name__ == "__main__":
    main()
