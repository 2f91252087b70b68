"""Writing acoustic.onnx: export of the parallel model, parity with torch, contract; and reading weights back."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gr_deepsc.text import ALPHABET
from gr_deepsc.voice.pronunciation import units

from ...onnx_files.contract import report, write_hashes
from ...onnx_files.trace import DRAWS, check_parity, clearest, from_border, trace_named
from ...onnx_files.weights import read_graph
from ...training import checkpoint
from ...training.options import WORK
from ..files import contract, fill, write
from ..spoken import SYNTHETIC
from .model import MAX_FRAMES, Acoustic, AcousticDims

INPUTS, OUTPUTS = ["tokens", "phones", "user_id", "speed"], ["mel"]
LENGTHS = (1, 2, 17, 80, 300)  # characters
LICENCES = {"kathleen": "CC0", "LJ": "public domain"}
NAMES = {"kathleen": "kathleen", "LJ": "LJSpeech"}


def load_acoustic(folder: Path) -> tuple[Acoustic, list[str]]:
    """The trained model of a run's folder, and its speakers' names; errors as of `checkpoint.best`."""
    model, about = checkpoint.trained(folder, "acoustic", Acoustic, AcousticDims)
    return model, about["speakers"]


def read_acoustic(path: Path) -> Acoustic:
    """An exported model in torch again, its weights in half precision."""
    state = read_graph(path)
    model = Acoustic(AcousticDims(speakers=len(state["speaker.weight"])))
    fill(model, state)
    return model.eval()


def registered(model: Acoustic, users: int) -> Acoustic:
    """The same model with its first `users` speakers only: those who lent their voice for training stay behind."""
    model.speaker.weight.data = model.speaker.weight.data[:users].clone()
    model.speaker.num_embeddings = users
    model.stretch = model.stretch[:users].clone()
    return model


def feeds(model: Acoustic, users: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Inputs to compare torch and ONNX Runtime with: every user and `LENGTHS`, and no duration of a doubtful eighth."""
    rng = np.random.default_rng(0)

    def draw(length: int, user: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        tokens = torch.from_numpy(rng.integers(0, len(ALPHABET), (1, length)))
        phones = torch.from_numpy(rng.integers(0, len(units()), (1, length)))
        return tokens, phones, torch.tensor([user]), torch.tensor([rng.uniform(0.8, 1.3)]).float()

    for length in LENGTHS:
        for user in range(users):
            draws = (draw(length, user) for _ in range(DRAWS))
            yield clearest(draws, lambda *feed: from_border(model.read(*feed)[2]))


def export(model: Acoustic, users: dict[str, str], path: Path, training_data: str, first_id: int = 0) -> float:
    """Writes the file with its contract; returns the largest difference between torch and the float32 graph.

    Args:
        users: their names, in the order of their IDs, and the licences of their recordings; further speakers of
            `model` are left out.
        first_id: user ID of the first; the others count on.

    Raises:
        ParityError: the difference exceeds `TOLERANCE`.
    """
    model = registered(model, len(users))
    entries = [
        {"id": first_id + row, "row": row, "name": name, "licence": licence}
        for row, (name, licence) in enumerate(users.items())
    ]
    facts = {
        "vocabulary": ALPHABET,
        "phones": ",".join(units()),
        "users": json.dumps(entries),
        "max_frames_per_character": str(MAX_FRAMES),
    }
    letters, phones = (torch.randint(0, count, (1, 30)) for count in (len(ALPHABET), len(units())))
    example = letters, phones, torch.tensor([0]), torch.tensor([1.0])
    free = {"tokens": {1: "n"}, "phones": {1: "n"}, "mel": {1: "frames"}}
    return write(
        path,
        lambda plain: trace_named(model.eval(), example, plain, INPUTS, OUTPUTS, free),
        lambda plain: check_parity(model, plain, INPUTS, feeds(model, len(users))),
        contract("acoustic", "acoustic", model, training_data) | facts,
        {"characters": LENGTHS},
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `export acoustic`."""
    parser.add_argument("--run", type=Path, default=WORK / "voice-acoustic", help="folder of the run")
    parser.add_argument("--out", type=Path, default=Path("gr_deepsc/models/voice/acoustic.onnx"))
    parser.add_argument("--training-data", default="unknown", help="one line for the file's metadata")
    parser.add_argument("--licence", nargs="*", default=[], metavar="SPEAKER=LICENCE", help="of further users")


def run(args: argparse.Namespace) -> None:
    """Writes the model of a run, its synthetic speakers left out, and the hashes of all models."""
    model, about = checkpoint.trained(args.run, "acoustic", Acoustic, AcousticDims)
    names = [name for name in about["speakers"][: about.get("users")] if not name.startswith(SYNTHETIC)]
    if not all("=" in item for item in args.licence):
        raise ValueError(f"--licence {' '.join(args.licence)}: must be SPEAKER=LICENCE each")
    licences = LICENCES | dict(item.split("=", 1) for item in args.licence)
    users = {NAMES.get(name, name): licences.get(name, "unknown") for name in names}
    worst = export(model, users, args.out, args.training_data)
    write_hashes(args.out.parent.parent)
    report(args.out, worst)
