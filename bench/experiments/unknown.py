"""At a fixed rate, over an Es/N0 that nobody knows: uniform over the grid of `rates`, of which it takes every point."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from ..metrics.intervals import of_error_rate
from ..metrics.text import error_rate
from ..plot import CHANNELS, save
from .experiment import Experiment, Outcome, Setting, field
from .rates import OVER_ES_N0, SYSTEMS

READABLE, IN_PART = 0.15, 0.5  # CER of one text up to which it is so
SHARES = {"readable": "#009E73", "in_part": "#E69F00", "lost": "#D55E00"}


def run(setting: Setting) -> Outcome:
    """A row for each system and channel: CER over all points, and the shares of texts that came readable or in part."""
    size = OVER_ES_N0[setting.size]
    utterances, points = setting.speech(size), setting.points(size)
    items = setting.runner.measure("text", setting.systems, utterances, points)
    rows = []
    for name in setting.systems:
        for kind in setting.channels:
            here = [p for p in points if p.kind == kind]
            counts = np.array([[items[name, p, u.key].figures["characters"] for p in here] for u in utterances])
            edits, lengths = counts.sum(1).T
            low, high = of_error_rate(edits, lengths)
            row = {"system": name, "label": items[name, None, utterances[0].key].figures["label"], "channel": kind}
            row |= {
                "utterances": len(utterances),
                "from_db": f"{here[0].es_n0_db:g}",
                "to_db": f"{here[-1].es_n0_db:g}",
            }
            row |= {"cer": field(float(error_rate(edits, lengths))), "cer_low": field(low), "cer_high": field(high)}
            each = counts[..., 0] / counts[..., 1]
            readable, lost = np.mean(each <= READABLE), np.mean(each > IN_PART)
            shares = zip(SHARES, (readable, 1 - readable - lost, lost), strict=True)
            rows.append(row | {share: field(float(value)) for share, value in shares})
    return Outcome(rows, [u.key for u in utterances], [])


def draw(rows: Sequence[dict], path: Path) -> None:
    """A panel a channel, a bar a system: the shares of its texts, and its CER behind it."""
    channels = [kind for kind in CHANNELS if any(row["channel"] == kind for row in rows)]
    count = len(rows) // len(channels)
    figure, axes = plt.subplots(
        1, len(channels), figsize=(4 + 3 * len(channels), 1.5 + 0.3 * count), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axis, kind in zip(axes[0], channels, strict=True):
        here = [row for row in rows if row["channel"] == kind]
        left = np.zeros(count)
        for share, colour in SHARES.items():
            width = np.array([float(row[share]) for row in here])
            axis.barh(range(count), width, left=left, color=colour, label=share.replace("_", " "))
            left += width
        for y, row in enumerate(here):
            axis.text(1.01, y, f"{float(row['cer']):.3f}", va="center", fontsize=8)
        axis.set(title=CHANNELS[kind], xlim=(0, 1.12), xlabel="share of texts (behind the bar: CER)")
        axis.set_yticks(range(count), [row["label"] for row in here], fontsize=8)
    axes[0][0].invert_yaxis()
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    save(figure, path)


UNKNOWN = Experiment("CER at a fixed rate where Es/N0 is anywhere from -14 to 10 dB", run, draw, SYSTEMS)
