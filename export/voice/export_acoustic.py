"""Writing acoustic.onnx: export of the parallel model, parity with torch, half-precision storage, contract.

python -m deepsc_export.voice.export_acoustic --run work/voice-acoustic --training-data "kathleen 1.1 h, ..."
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch

from gr_deepsc import __version__
from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.session import open_session
from gr_deepsc.text import ALPHABET

from ..onnx_export import (
    TOLERANCE,
    ParityError,
    halve,
    provenance,
    trace,
    write_contract,
    write_hashes,
)
from ..onnx_weights import name_weights
from .acoustic import MAX_FRAMES, Acoustic
from .mel import HOP, MELS
from .train_acoustic import load_acoustic

INPUTS, OUTPUTS = ["tokens", "user_id", "speed"], ["mel"]
LENGTHS = (1, 2, 17, 80, 600)  # characters
LICENCES = {"kathleen": "CC0", "LJ": "public domain"}
NAMES = {"kathleen": "kathleen", "LJ": "LJSpeech"}


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


def difference(model: Acoustic, path: Path, users: int) -> float:
    """Largest difference of mels between torch and ONNX Runtime over `LENGTHS`, every user and three speeds.

    Raises:
        ParityError: they differ in length.
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
    return worst


def export(
    model: Acoustic, names: list[str], path: Path, training_data: str, licences: dict[str, str]
) -> float:
    """Writes the file with its contract; returns the largest difference between torch and the float32 graph.

    Raises:
        ParityError: the difference exceeds `TOLERANCE`.
    """
    model = registered(model, len(names))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary) / "acoustic.onnx"
        to_onnx(model, plain)
        worst = difference(model, plain, len(names))
        if worst >= TOLERANCE:
            raise ParityError(f"torch and ONNX Runtime differ by {worst:.2e}, allowed is {TOLERANCE:.0e}")
        halve(plain, path)
    users = [
        {"id": i, "name": NAMES.get(name, name), "licence": licences.get(name, "unknown")}
        for i, name in enumerate(names)
    ]
    contract = {
        "name": "acoustic",
        "kind": "acoustic",
        "version": __version__,
        "sample_rate": str(SAMPLE_RATE),
        "hop": str(HOP),
        "mels": str(MELS),
        "max_frames_per_character": str(MAX_FRAMES),
        "vocabulary": ALPHABET,
        "users": json.dumps(users),
        "training_data": training_data,
        "licence": "GPL-3.0-or-later",
        "weights": "half",
        **provenance(model),
        "parity": json.dumps({"fp32_max_abs_difference": worst, "characters": LENGTHS}),
    }
    write_contract(path, contract)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m deepsc_export.voice.export_acoustic", description=__doc__
    )
    parser.add_argument("--run", type=Path, default=Path("work/voice-acoustic"))
    parser.add_argument("--out", type=Path, default=Path("gr_deepsc/models/voice/acoustic.onnx"))
    parser.add_argument("--training-data", default="unknown", help="one line for the file's metadata")
    parser.add_argument(
        "--licence", nargs="*", default=[], metavar="SPEAKER=LICENCE", help="of further users"
    )
    args = parser.parse_args()
    model, names = load_acoustic(args.run / "best.pt")
    names = [name for name in names if not name.startswith("flite_")]
    licences = LICENCES | dict(item.split("=", 1) for item in args.licence)
    worst = export(model, names, args.out, args.training_data, licences)
    write_hashes(args.out.parent.parent)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB, torch - ONNX Runtime in fp32 <= {worst:.1e}")


if __name__ == "__main__":
    main()
