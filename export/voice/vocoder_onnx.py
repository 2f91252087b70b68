"""Writing vocoder.onnx: export, parity with torch, weights in half precision, contract; and reading weights back."""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor

from gr_deepsc import __version__
from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.session import open_session

from .. import checkpoint
from ..onnx_export import (
    HALF_FROM,
    TOLERANCE,
    ParityError,
    halve,
    provenance,
    trace,
    write_contract,
    write_hashes,
)
from ..onnx_weights import name_weights, read_graph
from .mel import HOP, MELS, RMS, log_mel
from .vocoder import Vocoder

PARITY_FRAMES = (2, 40, 173, 500, 938)  # 16 ms to 15 s; phase drifts apart with the root of time


def speech_like(frames: int, seed: int = 0) -> Tensor:
    """Mels float32 [1, frames, 80] of a gliding pulse train that comes and goes in noise: a vocoder's usual range."""
    rng = np.random.default_rng(seed)
    t = np.arange((frames - 1) * HOP) / SAMPLE_RATE
    phase = np.cumsum(160 + 60 * np.sin(2 * np.pi * 0.7 * t)) / SAMPLE_RATE
    voiced = np.sin(2 * np.pi * 1.3 * t) > -0.5
    waveform = 0.4 * voiced * (phase % 1 < 0.1) + 0.01 * rng.standard_normal(len(t))
    waveform *= RMS / np.sqrt(np.square(waveform).mean())
    return log_mel(torch.from_numpy(waveform.astype(np.float32))[None])[:, :frames]


def to_onnx(model: Vocoder, path: Path) -> None:
    """Writes `model` in float32: mel [batch, frames, 80] -> waveform [batch, 256 (frames - 1)]."""
    free = {"mel": {0: "batch", 1: "frames"}, "waveform": {0: "batch", 1: "samples"}}
    trace(model, (speech_like(50),), path, ["mel"], ["waveform"], free)
    graph = onnx.load(path)
    store_constants(graph)
    name_weights(graph, model.state_dict())
    onnx.save(graph, path)


def store_constants(model: onnx.ModelProto) -> None:
    """Large constants become initialisers, equal ones once: analysis and synthesis share the Fourier basis."""
    names: dict[bytes, str] = {}
    renamed = {}
    for node in [node for node in model.graph.node if node.op_type == "Constant"]:
        tensor = node.attribute[0].t
        if node.attribute[0].name != "value" or np.prod(tensor.dims) < HALF_FROM:
            continue
        key = tensor.SerializeToString()
        if key not in names:
            names[key] = node.output[0]
            tensor.name = node.output[0]
            model.graph.initializer.append(tensor)
        renamed[node.output[0]] = names[key]
        model.graph.node.remove(node)
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)


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
    if worst >= TOLERANCE:
        raise ParityError(f"{path}: torch and ONNX Runtime differ by {worst:.2e}, allowed is {TOLERANCE:.0e}")
    return worst


def export(model: Vocoder, path: Path, training_data: str) -> float:
    """Writes the vocoder with weights in half precision; returns the parity figure of the float32 graph."""
    model.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary) / path.name
        to_onnx(model, plain)
        difference = check_parity(model, plain)
        halve(plain, path)
    contract = {
        "name": "fast",
        "kind": "vocoder",
        "version": __version__,
        "sample_rate": str(SAMPLE_RATE),
        "hop": str(HOP),
        "mels": str(MELS),
        "training_data": training_data,
        "licence": "GPL-3.0-or-later",
        "weights": "half",
        **provenance(model),
        "parity": json.dumps({"fp32_max_abs_difference": difference, "frames": PARITY_FRAMES}),
    }
    write_contract(path, contract)
    return difference


def read_vocoder(path: str | Path, like: Vocoder) -> dict[str, Tensor]:
    """The state for a vocoder of `like`'s dimensions from a shipped file, to train on from.

    Raises:
        ValueError: the file lacks a weight, or has it in another shape.
    """
    found = read_graph(path)
    state = {}
    for key, value in like.state_dict().items():
        if key not in found or found[key].shape != value.shape:
            raise ValueError(f"{path}: no weight {key} of shape {tuple(value.shape)}")
        state[key] = found[key].float()
    return state


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.voice.vocoder_onnx", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a run of train_vocoder")
    parser.add_argument("--out", type=Path, default=Path("gr_deepsc/models/voice/vocoder.onnx"))
    parser.add_argument("--training-data", default="unknown", help="one line for the file's metadata")
    args = parser.parse_args()
    state = checkpoint.load(args.run / "best.pt")
    model = Vocoder(state["dims"])
    model.load_state_dict(state["model"])
    difference = export(model, args.out, args.training_data)
    write_hashes(args.out.parent.parent)
    size = args.out.stat().st_size / 1e6
    print(f"{args.out}: {size:.2f} MB, torch - ONNX Runtime in fp32 <= {difference:.1e}")


if __name__ == "__main__":
    main()
