"""Draw the error rate of training runs against time."""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from .options import WORK


def read(run: Path) -> list[dict[str, str]]:
    """The rows of a run's log."""
    with (run / "log.csv").open() as file:
        return list(csv.DictReader(file))


def draw(runs: Sequence[Path], path: Path) -> None:
    """CER of each run's log.csv on the validation split against minutes of training and hours of speech seen."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for run in runs:
        rows = read(run)
        error_rate = [float(row["valid_cer"]) for row in rows]
        for axis, column in zip(axes, ("minutes", "hours"), strict=True):
            axis.semilogy([float(row[column]) for row in rows], error_rate, ".-", label=f"{run.parent.name}/{run.name}")
    axes[0].set(xlabel="training time (minutes)", ylabel="CER on the validation split")
    axes[1].set(xlabel="speech seen (hours, repeats counted)")
    for axis in axes:
        axis.grid(which="both", alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def draw_points(run: Path, path: Path) -> None:
    """CER of the codec with context on the validation split, a curve for each point of the channel, against minutes."""
    rows = read(run)
    figure, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
    minutes = [float(row["minutes"]) for row in rows]
    for column in rows[0]:
        if column.count("_") == 2:  # RATE_CHANNEL_DB
            rate, kind, snr = column.split("_")
            label = f"{rate} symbols/s, {kind}, {snr} dB"
            axis.semilogy(minutes, [float(row[column]) for row in rows], ".-", label=label)
    axis.set(xlabel="training time (minutes)", ylabel="CER on the validation split")
    axis.grid(which="both", alpha=0.3)
    axis.legend(fontsize=8)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `curves`."""
    parser.add_argument("runs", nargs="+", type=Path, help=f"folders of runs, {WORK}/compact/recogniser for one")
    parser.add_argument("--points", action="store_true", help="of the first run, a codec with context: its points")
    parser.add_argument("--out", type=Path, default=WORK / "training.png")


def run(args: argparse.Namespace) -> None:
    """Draws them into a picture."""
    if args.points:
        draw_points(args.runs[0], args.out)
    else:
        draw(args.runs, args.out)
