"""Past the paper: the codec with context at its three rates, the paper's codec, and the rival with as many symbols."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt

from gr_deepsc.features import SAMPLE_RATE

from ..plot import CHANNELS, DPI, curves, lines
from .error_rates import rates
from .experiment import Experiment, Outcome, Setting, Size, field
from .sweep import sweep

OURS = ("deepsc-st", "deepsc-520", "deepsc-260", "deepsc-130")
BEHIND_THE_MODEM = ("gr-deepsc", "gr-deepsc-520", "gr-deepsc-260", "gr-deepsc-130")
BEAM = ("gr-deepsc-520-beam", "gr-deepsc-130-beam")
RIVALS = ("equal-symbols-520", "equal-symbols-260", "equal-symbols-130")
SYSTEMS = (*OURS, *BEHIND_THE_MODEM, *BEAM, *RIVALS)
FAMILIES = (
    (OURS[1:], "codec with context, CSI known"),
    (BEHIND_THE_MODEM[1:], "codec with context, modem"),
    (BEAM, "codec with context, modem, beam"),
    (RIVALS, "text transceiver, CSI known"),
    (OURS[:1], "codec a frame at a time, CSI known"),
)

EVERY_2_DB = tuple(map(float, range(-14, 11, 2)))
WHERE = (-2.0, 0.0, 8.0)
OVER_ES_N0 = {
    "quick": Size(6, (-10.0, -2.0, 6.0)),
    "default": Size(60, EVERY_2_DB),
    "full": Size(None, EVERY_2_DB),
}
OVER_SYMBOLS = {"quick": Size(6, WHERE), "default": Size(60, WHERE), "full": Size(None, WHERE)}


def over_es_n0(setting: Setting) -> Outcome:
    """Error rates at every rate."""
    return sweep(setting, "text", OVER_ES_N0[setting.size], ["clean"], rates)


def over_symbols(setting: Setting) -> Outcome:
    """The same at few Es/N0, beside the complex symbols that a second of speech took, without header and pilots."""
    size = OVER_SYMBOLS[setting.size]
    outcome = sweep(setting, "text", size, ["clean"], rates)
    utterances = setting.speech(size)
    sent = setting.runner.measure("text", setting.systems, utterances, [])
    spent = {"clean": ""}
    for name in setting.systems:
        counts = [sent[name, None, u.key].figures for u in utterances]
        seconds = sum(count["samples"] for count in counts) / SAMPLE_RATE
        spent[name] = field(sum(count["symbols"] for count in counts) / seconds)
    rows = [row | {"symbols": spent[row["system"]]} for row in outcome.rows]
    return Outcome(rows, outcome.utterances, outcome.costs, outcome.summary)


def draw_symbols(rows: Sequence[dict], path: Path) -> None:
    """A row of panels an Es/N0, a panel a channel: CER against symbols a second of speech."""
    points = [row for row in rows if row["channel"] in CHANNELS]
    channels = [kind for kind in CHANNELS if any(row["channel"] == kind for row in points)]
    places = sorted({float(row["es_n0_db"]) for row in points})
    figure, axes = plt.subplots(
        len(places), len(channels), figsize=(1 + 4 * len(channels), 3.1 * len(places)), sharex=True, sharey="row",
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for row, snr in zip(axes, places, strict=True):
        for axis, channel in zip(row, channels, strict=True):
            here = [p for p in points if p["channel"] == channel and float(p["es_n0_db"]) == snr]
            shown = [p | {"family": label} for names, label in FAMILIES for p in here if p["system"] in names]
            lines(axis, shown, "symbols", "cer", "family")
            axis.set(title=f"{CHANNELS[channel]}, {snr:g} dB", xscale="log", ylim=(0, None))
            axis.set_xticks((130, 260, 520), ("130", "260", "520"))
            axis.minorticks_off()
        row[0].set_ylabel("CER")
    for axis in axes[-1]:
        axis.set_xlabel("complex symbols a second of speech")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=DPI)
    plt.close(figure)


RATES = Experiment(
    "CER against Es/N0 at 520, 260 and 130 symbols/s: ours, behind the modem, and the rival",
    over_es_n0,
    partial(curves, y="cer", ylabel="CER"),
    SYSTEMS,
)
SYMBOLS = Experiment("CER against symbols/s at -2, 0 and 8 dB", over_symbols, draw_symbols, SYSTEMS)
