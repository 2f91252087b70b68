"""Writing vocoder.onnx: export, parity with torch, contract; and reading weights back."""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor

from gr_deepsc.session import open_session

from ...onnx_export import trace, write_hashes
from ...onnx_weights import name_weights, read_graph
from ...training import checkpoint
from ..files import contract, matching, speech_like, store_constants, within, write
from .model import Vocoder, VocoderDims

PARITY_FRAMES = (2, 40, 173, 500, 938)  # 16 ms to 15 s; phase drifts apart with the root of time


def to_onnx(model: Vocoder, path: Path) -> None:
    """Writes `model` in float32: mel [batch, frames, 80] -> waveform [batch, 256 (frames - 1)]."""
    free = {"mel": {0: "batch", 1: "frames"}, "waveform": {0: "batch", 1: "samples"}}
    trace(model, (speech_like(50),), path, ["mel"], ["waveform"], free)
    graph = onnx.load(path)
    store_constants(graph)
    name_weights(graph, model.state_dict())
    onnx.save(graph, path)


def check_parity(model: Vocoder, path: Path) -> float:
    """Largest difference between torch and ONNX Runtime over `PARITY_FRAMES`, full scale being 1.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    run, worst = open_session(path), 0.0
    for frames in PARITY_FRAMES:
        mel = speech_like(frames, frames)
        with torch.inference_mode():
            wanted = model(mel).numpy()
        (given,) = run.run(None, {"mel": mel.numpy()})
        worst = max(worst, float(np.abs(wanted - given).max()))
    return within(worst, path)


def export(model: Vocoder, path: Path, training_data: str) -> float:
    """Writes the vocoder with weights in half precision; returns the parity figure of the float32 graph.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    model.eval()
    return write(
        path,
        lambda plain: to_onnx(model, plain),
        lambda plain: check_parity(model, plain),
        contract("fast", model, training_data, {"kind": "vocoder"}),
        {"frames": PARITY_FRAMES},
    )


def read_vocoder(path: Path, dims: VocoderDims | None = None) -> dict[str, Tensor]:
    """The state for a vocoder of these dimensions from a shipped file, to train on from.

    Raises:
        ValueError: the file lacks a weight, or has it in another shape.
    """
    return matching(read_graph(path), Vocoder(dims or VocoderDims()), path)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `export vocoder`."""
    parser.add_argument("--run", type=Path, default=Path("work/voice-vocoder"), help="folder of the run")
    parser.add_argument("--out", type=Path, default=Path("gr_deepsc/models/voice/vocoder.onnx"))
    parser.add_argument("--training-data", default="unknown", help="one line for the file's metadata")


def run(args: argparse.Namespace) -> None:
    """Writes the model of a run and the hashes of all models."""
    networks, about = checkpoint.best(args.run)
    model = Vocoder(VocoderDims(**about["dims"]))
    model.load_state_dict(networks["vocoder"])
    worst = export(model, args.out, args.training_data)
    write_hashes(args.out.parent.parent)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB, torch - ONNX Runtime in fp32 <= {worst:.1e}")
