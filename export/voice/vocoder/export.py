"""Writing vocoder.onnx: export, parity with torch, contract; and reading weights back."""

import argparse
from pathlib import Path

import onnx
from torch import Tensor

from ...onnx_files.contract import report, write_hashes
from ...onnx_files.trace import DRAWS, check_parity, clearest, trace
from ...onnx_files.weights import name_weights, read_graph
from ...training import checkpoint
from ...training.options import WORK
from ..files import contract, matching, speech_like, store_constants, write
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


def export(model: Vocoder, path: Path, training_data: str) -> float:
    """Writes the vocoder with weights in half precision; returns the parity figure of the float32 graph.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    model.eval()
    draws = [[(speech_like(frames, frames + seed),) for seed in range(DRAWS)] for frames in PARITY_FRAMES]
    feeds = [clearest(each, model.pitch.margin) for each in draws]
    return write(
        path,
        lambda plain: to_onnx(model, plain),
        lambda plain: check_parity(model, plain, ["mel"], feeds),
        contract("fast", "vocoder", model, training_data),
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
    parser.add_argument("--run", type=Path, default=WORK / "voice-vocoder", help="folder of the run")
    parser.add_argument("--out", type=Path, default=Path("gr_deepsc/models/voice/vocoder.onnx"))
    parser.add_argument("--training-data", default="unknown", help="one line for the file's metadata")


def run(args: argparse.Namespace) -> None:
    """Writes the model of a run and the hashes of all models."""
    model, _ = checkpoint.trained(args.run, "vocoder", Vocoder, VocoderDims)
    worst = export(model, args.out, args.training_data)
    write_hashes(args.out.parent.parent)
    report(args.out, worst)
