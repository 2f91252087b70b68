"""The robust-model study of the paper: channel codecs trained at one point of one channel, tested at all.

The codec is the paper's (29-40-40, 40-40-29, zero forcing), over the P of the default model. One more is trained over
all channels at -10 to 20 dB, as the shipped models are.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from deepsc_export.data import corpora
from tqdm import tqdm

from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.framing import FRAME_RATE

from ..corpus import number, recording
from ..errors import BenchError
from ..metrics import text
from ..plot import CHANNELS, lines, save
from ..run import Task
from ..store import Item
from ..work import Point
from . import training
from .error_rates import rates
from .experiment import Experiment, Outcome, Setting, Size, field

TESTED = tuple(map(float, range(-8, 21, 4)))
SIZES = {"quick": Size(6, (-4.0, 8.0)), "default": Size(30, TESTED), "full": Size(None, TESTED)}
TRAINED = {"quick": (8.0,), "default": (0.0, 8.0, 16.0), "full": (-4.0, 0.0, 4.0, 8.0, 12.0, 16.0)}  # dB
MINUTES = {"quick": 10, "default": 30, "full": 300}  # of speech to learn from
STEPS = {"quick": 300, "default": 600, "full": 10_000}  # batches of 240 s
VALIDATION = 1  # minutes; it only makes the log that training writes


@dataclass(frozen=True)
class Features:
    """P of a split as `data.ragged` keeps it: float16 [all frames, 29] in a row, frames of each; and the texts."""

    values: np.ndarray
    counts: tuple[int, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Training:
    """One model, and where it is tested."""

    at: Point | None  # None: any channel, -10 to 20 dB
    steps: int
    seed: int
    splits: dict[str, Features]
    points: tuple[Point, ...]
    numbers: tuple[int, ...]  # of the test utterances


def learn(spec: Training) -> list[Item]:
    """In a worker: an item for each point tested, with the edits of every utterance."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="deepsc-robust-") as name:
        folder = Path(name)
        for split, features in spec.splits.items():
            np.savez(folder / f"{split}.npz", **vars(features))
        options = ["--points", json.dumps(spec.points), "--numbers", json.dumps(spec.numbers)]
        options += ["--steps", spec.steps, "--seed", spec.seed]
        options += [] if spec.at is None else ["--train-at", *spec.at]
        training.program("fixed-channel", folder, *options)
        found = json.loads((folder / "texts.json").read_text())
    truths, seconds = spec.splits["test"].texts, time.perf_counter() - start
    return [
        Item({"items": [_edits(*pair) for pair in zip(truths, texts, strict=True)]}, seconds / len(found))
        for texts in found
    ]


def _edits(truth: str, found: str) -> dict:
    return {"characters": text.characters(truth, found), "words": text.words(truth, found), "frame_errors": 0.0}


def run(setting: Setting) -> Outcome:
    """Every model at every point; a model is worth its mean CER over all points."""
    training.check(setting)
    runner, size = setting.runner, SIZES[setting.size]
    utterances, points = setting.speech(size), tuple(setting.points(size))
    transmitter = FramewiseEncoder("default")
    test = [transmitter(u.samples)[1] for u in tqdm(utterances, "features, test", disable=None)]
    splits = {
        "train": _encoded(setting, transmitter, "train", MINUTES[setting.size]),
        "valid": _encoded(setting, transmitter, "valid", VALIDATION),
        "test": _joined(test, [u.text for u in utterances]),
    }
    numbers, steps = tuple(map(number, utterances)), STEPS[setting.size]
    models = [Point(kind, snr) for kind in setting.channels for snr in TRAINED[setting.size]] + [None]
    about = [
        [u.key for u in utterances],
        [folder.name for folder in setting.corpora],
        len(splits["train"].texts),
        steps,
    ]
    keys = {(at, p): runner.key("robust", at, p, about) for at in models for p in points}
    tasks = [
        Task(
            learn,
            Training(at, steps, runner.seed, splits, points, numbers),
            tuple(keys[at, p] for p in points),
            f"model of {name(at)}",
        )
        for at in models
    ]
    found = runner.do(tasks, f"training and testing {len(models)} models")
    rows = []
    for at in models:
        for point in points:
            items = [Item(figures, 0.0) for figures in found[keys[at, point]].figures["items"]]
            row = {"trained_at": name(at), "channel": point.kind, "es_n0_db": f"{point.es_n0_db:g}"}
            columns = {key: value for key, value in rates(items).items() if key != "frame_errors"}
            rows.append(row | {"utterances": len(items)} | {k: field(v) for k, v in columns.items()})
    costs = [
        {"trained_at": name(at), "wall_s": round(sum(found[keys[at, p]].seconds for p in points), 1)} for at in models
    ]
    return Outcome(rows, [u.key for u in utterances], costs, ranking(rows))


def name(at: Point | None) -> str:
    """What a model is called in tables and figures."""
    return "all channels, -10 to 20 dB" if at is None else f"{at.kind}, {at.es_n0_db:g} dB"


def ranking(rows: Sequence[dict]) -> str:
    """The models by their mean CER over all points tested: the first is the robust one."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["trained_at"], []).append(float(row["cer"]))
    means = sorted((float(np.mean(cer)), max(cer), model) for model, cer in found.items())
    lines = [f"{'trained at':28} {'mean CER':>9} {'worst':>7}"]
    return "\n".join([*lines, *(f"{model:28} {mean:9.4f} {worst:7.4f}" for mean, worst, model in means)])


def draw(rows: Sequence[dict], path: Path) -> None:
    """CER against Es/N0: a panel a channel, a curve a model."""
    channels = [kind for kind in CHANNELS if any(row["channel"] == kind for row in rows)]
    figure, axes = plt.subplots(
        1, len(channels), figsize=(1 + 4 * len(channels), 5), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, kind in zip(axes[0], channels, strict=True):
        lines(axis, [row for row in rows if row["channel"] == kind], "es_n0_db", "cer", "trained_at")
        axis.set(title=f"tested: {CHANNELS[kind]}", xlabel="Es/N0 (dB)")
    axes[0][0].set_ylabel("CER")
    figure.legend(*axes[0][0].get_legend_handles_labels(), title="trained at", loc="outside lower center", ncols=4)
    save(figure, path)


def _encoded(setting: Setting, transmitter: FramewiseEncoder, split: str, minutes: float) -> Features:
    """P of a split's recordings in an order that the seed gives, until `minutes` of speech are reached."""
    try:
        found = [u for folder in setting.corpora for u in corpora.load(folder) if u.split == split]
    except corpora.CorpusError as error:
        raise BenchError(str(error)) from None
    if not found:
        raise BenchError(f"no recording of these corpora belongs to the split {split}")
    order, rows, texts = np.random.default_rng(setting.runner.seed).permutation(len(found)), [], []
    wanted = 60 * minutes * FRAME_RATE
    with tqdm(total=round(minutes), unit="min", desc=f"features, {split}", disable=None) as bar:
        for i in order:
            rows.append(transmitter(recording(found[i].path))[1])
            texts.append(found[i].text)
            bar.update(len(rows[-1]) / FRAME_RATE / 60)
            wanted -= len(rows[-1])
            if wanted <= 0:
                break
    return _joined(rows, texts)


def _joined(rows: Sequence[np.ndarray], texts: Sequence[str]) -> Features:
    return Features(np.concatenate(rows).astype(np.float16), tuple(map(len, rows)), tuple(texts))


ROBUST = Experiment(
    "which channel and Es/N0 to train at (trains the paper's channel codec)",
    run,
    draw,
    networks=("default/transmitter",),
)
