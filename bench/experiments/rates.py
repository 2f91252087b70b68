"""Past the paper: the codec with context at its rates, and the rival with as many symbols; CSI known, and the modem."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from ..plot import CHANNELS, lines, save
from .error_rates import rates
from .experiment import Experiment, Outcome, Setting, Size
from .sweep import sweep
from .symbols import TABLE2

OURS = ("deepsc-520", "deepsc-260", "deepsc-130")
RIVALS = tuple(f"equal-symbols-{rate}" for rate in (520, 260, 130))
MODEM = ("gr-deepsc-520", "gr-deepsc-130")
RIVALS_MODEM = ("gr-equal-symbols-520", "gr-equal-symbols-130")
SYSTEMS = (*OURS, *RIVALS, *MODEM, *RIVALS_MODEM)
FAMILIES = (
    (OURS, "codec with context, CSI known"),
    (RIVALS, "rival: text, polar code, CSI known"),
    (MODEM, "codec with context, modem"),
    (RIVALS_MODEM, "rival, modem"),
)
LABELS = tuple(label for _, label in FAMILIES)
READABLE = 0.5  # error rates above this are cut off in the figure

EVERY_2_DB = tuple(map(float, range(-14, 11, 2)))
WHERE = (-2.0, 0.0, 8.0)
OVER_ES_N0 = {"quick": Size(6, (-10.0, -2.0, 6.0)), "default": Size(30, EVERY_2_DB), "full": Size(None, EVERY_2_DB)}
OVER_SYMBOLS = {"quick": Size(6, WHERE), "default": Size(30, WHERE), "full": Size(None, WHERE)}


def over_es_n0(setting: Setting) -> Outcome:
    """Error rates at every rate."""
    return sweep(setting, "text", OVER_ES_N0[setting.size], ["read"], rates)


def over_symbols(setting: Setting) -> Outcome:
    """The same at few Es/N0, beside the complex symbols that a second of speech took, without header and pilots."""
    outcome = sweep(setting, "text", OVER_SYMBOLS[setting.size], ["read"], rates)
    spent = {"read": ""} | {row["system"]: row["symbols"] for row in TABLE2.run(setting).rows}
    rows = [row | {"symbols": spent[row["system"]]} for row in outcome.rows]
    return Outcome(rows, outcome.utterances, outcome.costs, outcome.summary)


def draw_rates(rows: Sequence[dict], path: Path) -> None:
    """A row of panels a rate, a panel a channel: CER against Es/N0."""

    def panel(axis: Axes, here: list[dict], rate: str) -> None:
        lines(axis, [row for row in here if row["system"].endswith(rate)], "es_n0_db", "cer", "family", LABELS)
        axis.set_title(f"{axis.get_title()}, {rate} symbols/s")

    _panels(rows, path, ("520", "260", "130"), panel, "Es/N0 (dB)", READABLE)


def draw_symbols(rows: Sequence[dict], path: Path) -> None:
    """A row of panels an Es/N0, a panel a channel: CER against symbols a second of speech."""

    def panel(axis: Axes, here: list[dict], es_n0_db: float) -> None:
        lines(axis, [row for row in here if float(row["es_n0_db"]) == es_n0_db], "symbols", "cer", "family", LABELS)
        axis.set(title=f"{axis.get_title()}, {es_n0_db:g} dB", xscale="log")
        axis.set_xticks((130, 260, 520), ("130", "260", "520"))
        axis.minorticks_off()

    places = sorted({float(row["es_n0_db"]) for row in rows if row["channel"] in CHANNELS})
    _panels(rows, path, places, panel, "complex symbols a second of speech")


def _panels(
    rows: Sequence[dict],
    path: Path,
    kinds: Sequence,
    panel: Callable[[Axes, list[dict], Any], None],
    xlabel: str,
    top: float | None = None,
) -> None:
    """One row of panels for each of `kinds`, one panel for each channel, all with the same families of curves."""
    families = {name: label for names, label in FAMILIES for name in names}
    points = [row | {"family": families[row["system"]]} for row in rows if row["system"] in families]
    channels = [kind for kind in CHANNELS if any(row["channel"] == kind for row in points)]
    size = 1 + 4 * len(channels), 0.8 + 2.9 * len(kinds)
    figure, axes = plt.subplots(
        len(kinds), len(channels), figsize=size, sharex=True, sharey="row", squeeze=False, layout="constrained"
    )
    for row, kind in zip(axes, kinds, strict=True):
        for axis, channel in zip(row, channels, strict=True):
            axis.set_title(CHANNELS[channel])
            panel(axis, [p for p in points if p["channel"] == channel], kind)
        row[0].set(ylabel="CER", ylim=(0, top))
    for axis in axes[-1]:
        axis.set_xlabel(xlabel)
    found = {}
    for axis in axes.flat:
        handles, labels = axis.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    names = [label for label in LABELS if label in found]
    figure.legend([found[name] for name in names], names, loc="outside lower center", ncols=min(3, len(names)))
    save(figure, path)


RATES = Experiment(
    "CER against Es/N0 at 520, 260 and 130 symbols/s: ours and the rival, CSI known and behind the modem",
    over_es_n0,
    draw_rates,
    SYSTEMS,
)
SYMBOLS = Experiment("CER against symbols/s at -2, 0 and 8 dB", over_symbols, draw_symbols, SYSTEMS)
