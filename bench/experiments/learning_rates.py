"""Figure 4 of the paper: CTC loss against epochs at three learning rates, here of the compact model."""

import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

from ..plot import lines, save
from ..run import Task
from ..store import Item
from . import training
from .experiment import Experiment, Outcome, Setting

RATES = (5e-4, 1e-4, 5e-5)  # the paper's
MINUTES = {"quick": 2, "default": 12, "full": 60}  # of speech in an epoch
EPOCHS = {"quick": 3, "default": 20, "full": 50}
CONFIG = "compact"


@dataclass(frozen=True)
class Training:
    """One curve. The folder is on the machine that trains."""

    corpora: tuple[str, ...]
    rate: float
    epochs: int
    minutes: int
    seed: int
    folder: str


def learn(spec: Training) -> list[Item]:
    """In a worker: train, and give the curve as one item; a run that was stopped goes on from its last epoch."""
    start = time.perf_counter()
    folder = Path(spec.folder)
    options = ["--config", CONFIG, "--lr", spec.rate, "--epochs", spec.epochs, "--minutes", spec.minutes]
    options += ["--seed", spec.seed, "--out", folder, "--cache", folder.parent / "cache"]
    training.program("figure4", *spec.corpora, *options)
    with (folder / "log.csv").open() as file:
        curve = [[row["steps"], row["loss"], row["valid_loss"]] for row in csv.DictReader(file)]
    return [Item({"curve": curve[: spec.epochs]}, time.perf_counter() - start)]


def run(setting: Setting) -> Outcome:
    """The three curves."""
    training.check(setting)
    runner, size = setting.runner, setting.size
    corpora = tuple(str(folder.resolve()) for folder in setting.corpora)
    minutes, epochs = MINUTES[size], EPOCHS[size]
    specs = {}
    for rate in RATES:
        folder = setting.out.resolve() / "fig4" / f"{CONFIG}-{minutes}min-{rate:g}-seed{runner.seed}"
        specs[rate] = Training(corpora, rate, epochs, minutes, runner.seed, str(folder))
    names = [folder.name for folder in setting.corpora]
    keys = {rate: runner.key("fig4", CONFIG, names, minutes, epochs, rate) for rate in RATES}
    found = runner.do([Task(learn, specs[r], (keys[r],), f"learning rate {r:g}") for r in RATES], "training")
    rows = [
        {"learning_rate": f"{rate:g}", "epoch": epoch, "loss": loss, "valid_loss": valid}
        for rate in RATES
        for epoch, loss, valid in found[keys[rate]].figures["curve"]
    ]
    costs = [{"learning_rate": f"{r:g}", "wall_s": round(found[keys[r]].seconds, 1)} for r in RATES]
    return Outcome(rows, [], costs)


def draw(rows: Sequence[dict], path: Path) -> None:
    """Loss on the training speech, and on that of the validation split."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for axis, column, title in zip(axes, ("loss", "valid_loss"), ("training", "validation"), strict=True):
        lines(axis, rows, "epoch", column, "learning_rate")
        axis.set(title=title, xlabel="epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_ylabel("CTC loss a token")
    axes[0].legend(title="learning rate")
    save(figure, path)


FIG4 = Experiment("CTC loss against epochs at three learning rates (trains the compact model)", run, draw, networks=())
