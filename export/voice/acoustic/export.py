"""Writing acoustic.onnx: export of the parallel model, parity with torch, contract; and reading weights back."""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch

from gr_deepsc.session import open_session
from gr_deepsc.text import ALPHABET

from ...onnx_export import ParityError, trace, write_hashes
from ...onnx_weights import name_weights, read_graph
from ...training import checkpoint
from ..files import contract, fill, within, write
from ..spoken import SYNTHETIC
from .model import MAX_FRAMES, Acoustic, AcousticDims

INPUTS, OUTPUTS = ["tokens", "user_id", "speed"], ["mel"]
LENGTHS = (1, 2, 17, 80, 600)  # characters
LICENCES = {"kathleen": "CC0", "LJ": "public domain"}
NAMES = {"kathleen": "kathleen", "LJ": "LJSpeech"}


def load_acoustic(folder: Path) -> tuple[Acoustic, list[str]]:
    """The trained model of a run's folder, and its speakers' names.

    Raises:
        FileNotFoundError: there is no best.pt.
    """
    networks, about = checkpoint.best(folder)
    model = Acoustic(AcousticDims(**about["dims"]))
    model.load_state_dict(networks["acoustic"])
    return model.eval(), about["speakers"]


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


def to_onnx(model: Acoustic, path: Path) -> None:
    """Writes `model` in float32, its weights under their torch names."""
    example = (torch.randint(0, len(ALPHABET), (1, 30)), torch.tensor([0]), torch.tensor([1.0]))
    trace(model.eval(), example, path, INPUTS, OUTPUTS, {"tokens": {1: "n"}, "mel": {1: "frames"}})
    graph = onnx.load(path)
    name_weights(graph, model.state_dict())
    onnx.save(graph, path)


def check_parity(model: Acoustic, path: Path, users: int) -> float:
    """Largest difference of mels between torch and ONNX Runtime over `LENGTHS`, every user and three speeds, nepers.

    Raises:
        ParityError: they differ in length, or by more than `TOLERANCE`.
    """
    rng, run, worst = np.random.default_rng(0), open_session(path), 0.0
    for length in LENGTHS:
        for user in range(users):
            tokens = rng.integers(0, len(ALPHABET), (1, length))
            speed = np.float32([rng.choice([0.8, 1.0, 1.3])])
            feed = {"tokens": tokens, "user_id": np.int64([user]), "speed": speed}
            with torch.inference_mode():
                wanted = model(*(torch.from_numpy(feed[name]) for name in INPUTS)).numpy()
            (given,) = run.run(None, feed)
            if given.shape != wanted.shape:
                raise ParityError(f"{path}: {given.shape} of {length} characters, torch makes {wanted.shape}")
            worst = max(worst, float(np.abs(given - wanted).max()))
    return within(worst, path)


def export(
    model: Acoustic, names: list[str], path: Path, training_data: str, licences: dict[str, str]
) -> float:
    """Writes the file with its contract; returns the largest difference between torch and the float32 graph.

    Args:
        names: the users', in the order of their IDs; further speakers of `model` are left out.
        licences: of the users' recordings, by name.

    Raises:
        ParityError: the difference exceeds `TOLERANCE`.
    """
    model = registered(model, len(names))
    users = [
        {"id": i, "name": NAMES.get(name, name), "licence": licences.get(name, "unknown")}
        for i, name in enumerate(names)
    ]
    facts = {"kind": "acoustic", "vocabulary": ALPHABET, "users": json.dumps(users)}
    facts["max_frames_per_character"] = str(MAX_FRAMES)
    return write(
        path,
        lambda plain: to_onnx(model, plain),
        lambda plain: check_parity(model, plain, len(names)),
        contract("acoustic", model, training_data, facts),
        {"characters": LENGTHS},
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `export acoustic`."""
    parser.add_argument("--run", type=Path, default=Path("work/voice-acoustic"), help="folder of the run")
    parser.add_argument("--out", type=Path, default=Path("gr_deepsc/models/voice/acoustic.onnx"))
    parser.add_argument("--training-data", default="unknown", help="one line for the file's metadata")
    parser.add_argument(
        "--licence", nargs="*", default=[], metavar="SPEAKER=LICENCE", help="of further users"
    )


def run(args: argparse.Namespace) -> None:
    """Writes the model of a run, its synthetic speakers left out, and the hashes of all models."""
    model, names = load_acoustic(args.run)
    names = [name for name in names if not name.startswith(SYNTHETIC)]
    if not all("=" in item for item in args.licence):
        raise ValueError(f"--licence {' '.join(args.licence)}: must be SPEAKER=LICENCE each")
    licences = LICENCES | dict(item.split("=", 1) for item in args.licence)
    worst = export(model, names, args.out, args.training_data, licences)
    write_hashes(args.out.parent.parent)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB, torch - ONNX Runtime in fp32 <= {worst:.1e}")
