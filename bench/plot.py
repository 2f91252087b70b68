"""Figures, drawn from the rows of a CSV."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gr_deepsc.framing import SAMPLE_RATE

CHANNELS = {"awgn": "AWGN", "rayleigh": "Rayleigh fading", "rician": "Rician fading, K = 1"}
# Okabe and Ito's colours, told apart by colour-blind readers; in grey the markers tell them apart
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vPX*<>"  # not as many as colours: the two come around at different times
_DPI = 110


def curves(rows: Sequence[dict], path: Path, y: str, ylabel: str) -> None:
    """Column `y` against Es/N0: a panel a channel, a curve a system, its 95 % interval as a band.

    Rows of channel `none` are references: dashed lines across all panels.

    Args:
        rows: with the columns system, label, channel, es_n0_db, `y`, `y`_low and `y`_high.
        path: of the PNG.
    """
    present = {row["channel"] for row in rows}
    channels = [kind for kind in CHANNELS if kind in present]
    figure, axes = plt.subplots(
        1, len(channels), figsize=(1 + 4 * len(channels), 4.6), sharey=True, squeeze=False, layout="constrained"
    )
    lines = {}
    for axis, channel in zip(axes[0], channels, strict=True):
        for number, (label, points) in enumerate(_by_label(rows, channel).items()):
            x, low, high, middle = _columns(points, "es_n0_db", f"{y}_low", f"{y}_high", y)
            (lines[label],) = axis.plot(x, middle, **_style(number))
            axis.fill_between(x, low, high, color=lines[label].get_color(), alpha=0.13, linewidth=0)
        for number, (label, points) in enumerate(_by_label(rows, "none").items()):
            lines[label] = axis.axhline(float(points[0][y]), color="grey", linestyle=("--", ":", "-.")[number % 3])
        axis.set(title=CHANNELS[channel], xlabel="Es/N0 (dB)")
        axis.grid(alpha=0.3)
    axes[0][0].set(ylabel=ylabel, ylim=(min(0.0, axes[0][0].get_ylim()[0]), None))
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=min(4, len(lines)))
    save(figure, path)


def spectrograms(sounds: Sequence[tuple[str, str, np.ndarray]], path: Path) -> None:
    """Spectrograms of sounds (label, text, float32 at 16 kHz) on one scale of colours and one of time."""
    seconds = max(len(samples) for *_, samples in sounds) / SAMPLE_RATE
    columns = 1 if len(sounds) <= 4 else 2
    figure, axes = plt.subplots(
        -(-len(sounds) // columns),
        columns,
        figsize=(1.5 + 6.5 * columns, 0.8 + 2.1 * -(-len(sounds) // columns)),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat[len(sounds) :]:
        axis.set_visible(False)
    for axis, (label, text, samples) in zip(axes.flat, sounds, strict=False):
        with np.errstate(divide="ignore"):  # silence
            *_, image = axis.specgram(samples, 512, SAMPLE_RATE, noverlap=352, vmin=-125, vmax=-50, cmap="magma")
        axis.set_title(f"{label}\n{shorten(text, 72, placeholder=' ...')}", loc="left", fontsize=9)
        axis.set(ylim=(0, 8000), xlim=(0, seconds), yticks=(0, 4000, 8000), facecolor="black")
        axis.set_yticklabels(("0", "4", "8"))
    for axis in axes[:, 0]:
        axis.set_ylabel("kHz")
    for axis in axes[-1]:
        axis.set_xlabel("time (s)")
    figure.colorbar(image, ax=axes, aspect=50, shrink=0.7, label="dB of full scale / Hz")
    save(figure, path)


def lines(axis: Axes, rows: Sequence[dict], x: str, y: str, label: str, order: Sequence[str] = ()) -> None:
    """Column `y` against `x` on one axis, a line for each value of the column `label`.

    Those in `order` look alike in every axis that has the same.
    """
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row[label], []).append(row)
    for found, (name, points) in enumerate(groups.items()):
        number = order.index(name) if name in order else found
        axis.plot(*_columns(points, x, y), label=name, **_style(number))
    axis.grid(alpha=0.3)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG, and forget it."""
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)


def _style(number: int) -> dict[str, object]:
    """Of the curve with that number, unlike all others' for 70 curves."""
    colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
    dash = "--" if number // len(_COLOURS) % 2 else "-"
    return {"color": colour, "marker": marker, "linestyle": dash, "markersize": 4.5, "linewidth": 1.4}


def _by_label(rows: Sequence[dict], channel: str) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for row in rows:
        if row["channel"] == channel:
            found.setdefault(row["label"], []).append(row)
    return found


def _columns(rows: Sequence[dict], *names: str) -> list[np.ndarray]:
    """float64 columns; an empty field is NaN."""
    return [np.array([float(row[name] or "nan") for row in rows]) for name in names]
