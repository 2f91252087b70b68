"""Writing wavenet_frames.onnx and wavenet_step.onnx: export, parity with torch, contract; and reading weights back."""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from gr_deepsc.voice.wavenet import WaveNet as Generator

from ...onnx_files.contract import report, write_contract, write_hashes
from ...onnx_files.storage import halve
from ...onnx_files.trace import DRAWS, ParityError, clearest, from_border, trace
from ...onnx_files.weights import name_weights, read_graph
from ...training import checkpoint
from ...training.options import WORK
from ..files import contract, matching, speech_like, store_constants
from ..mel import HOP
from .model import WaveNet, WaveNetDims
from .step import FramesPart, StepPart, synthesise

PARITY_FRAMES = 4  # 48 ms: 768 draws, of two utterances at once
# one sample feeds the next: what begins as a difference of 1e-7 grows as a loud voice's own noise does
TOLERANCE = 1e-3
FRAMES_OUTPUTS = ("condition", "a", "gain", "level", "lag")
STEP_INPUTS = ("condition", "a", "gain", "level", "recent", "excitation", "rings", "uniform", "temperature")
STEP_OUTPUTS = ("sample", "excitation_now", "inputs")
_AXES = {"mel": {0: "batch", 1: "frames"}}
_AXES |= {name: {0: "batch"} for name in ("gain", "level", "sample", "excitation_now")}
_AXES |= {name: {1: "batch"} for name in ("a", "recent", "excitation", "rings", "inputs", "condition")}


def parts(model: WaveNet) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    """The two modules to export by file name, each with example inputs."""
    frames, mel = FramesPart(model), torch.cat([speech_like(4, 1), speech_like(4, 2)])
    with torch.inference_mode():
        values = frames(mel)
    dims = model.dims
    past = torch.randn(16, 2), torch.randn(6, 2), torch.randn(dims.layers, 2, dims.residual), torch.rand(2)
    told = tuple(x[0].clone() for x in values[:4])
    return {"wavenet_frames": (frames, (mel,)), "wavenet_step": (StepPart(model), (*told, *past, torch.tensor(0.8)))}


def to_onnx(name: str, module: nn.Module, example: tuple[Tensor, ...], path: Path) -> None:
    """Writes one part in float32, its weights under their torch names."""
    whole = name == "wavenet_frames"
    inputs, outputs = (["mel"], list(FRAMES_OUTPUTS)) if whole else (list(STEP_INPUTS), list(STEP_OUTPUTS))
    axes = {key: _AXES[key] for key in inputs + outputs if key in _AXES}
    if whole:  # outputs begin with time
        axes |= {"condition": {0: "m", 2: "batch"}, "a": {0: "n", 2: "batch"}}
        axes |= {key: {0: "n", 1: "batch"} for key in ("gain", "level", "lag")}
    trace(module, example, path, inputs, outputs, axes)
    graph = onnx.load(path)
    store_constants(graph)
    unwrap(graph)
    name_weights(graph, weights(name, module.model))
    onnx.save(graph, path)


def unwrap(graph: onnx.ModelProto) -> None:
    """The parts hold the network as `model`: its weights lose that prefix."""
    for tensor in graph.graph.initializer:
        tensor.name = tensor.name.removeprefix("model.")
    for node in graph.graph.node:
        node.input[:] = [name.removeprefix("model.") for name in node.input]


def weights(name: str, model: WaveNet) -> dict[str, Tensor]:
    """Of the state of `model` what one of the files holds."""
    step = ("input.", "past", "skip.", "head.")

    def in_step(key: str) -> bool:
        return key.startswith(step) or (key.startswith("layers.") and ".condition." not in key)

    return {key: value for key, value in model.state_dict().items() if in_step(key) == (name == "wavenet_step")}


def margin(model: WaveNet, mel: Tensor) -> Tensor:
    """How far pitch periods are from where they are rounded the other way, and F0 from where another step is taken."""
    if not model.dims.predicts:
        return torch.ones(1)
    return torch.cat([from_border(model.period(mel)).flatten(), model.pitch.margin(mel).flatten()])


def check_parity(model: WaveNet, folder: Path) -> float:
    """Largest difference of waveforms drawn by torch and by ONNX Runtime with the same numbers, full scale being 1.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    draws = [(torch.cat([speech_like(PARITY_FRAMES, seed + n) for n in (1, 2)]),) for seed in range(DRAWS)]
    (mel,) = clearest(draws, lambda mel: margin(model, mel))
    generator = Generator(folder)
    wanted = synthesise(model, mel, seed=1, temperature=generator.temperature)
    worst = float(np.abs(wanted - generator(mel.numpy(), seed=1)).max())
    if worst >= TOLERANCE:
        raise ParityError(f"{folder}: torch and ONNX Runtime differ by {worst:.2e}, allowed is {TOLERANCE:.0e}")
    return worst


def export(model: WaveNet, folder: Path, temperature: float, training_data: str) -> float:
    """Writes both files with weights in half precision; returns the parity figure of the float32 graphs.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    model.eval()
    facts = {"dilations": json.dumps(model.dims.dilations), "temperature": str(temperature)}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary)
        for name, (module, example) in parts(model).items():
            to_onnx(name, module, example, plain / f"{name}.onnx")
            write_contract(plain / f"{name}.onnx", contract("wavenet", name, model, training_data) | facts)
        difference = check_parity(model, plain)
        figures = {"fp32_max_abs_difference": difference, "samples": (PARITY_FRAMES - 1) * HOP}
        facts["parity"] = json.dumps(figures)
        for path in plain.glob("*.onnx"):
            halve(path, folder / path.name)
            about = contract("wavenet", path.stem, model, training_data)
            write_contract(folder / path.name, about | facts)
    return difference


def read_wavenet(folder: Path, dims: WaveNetDims) -> dict[str, Tensor]:
    """The state for a WaveNet of these dimensions from the shipped files, to train on from.

    Raises:
        ValueError: the files lack a weight, or have it in another shape.
    """
    found = read_graph(folder / "wavenet_frames.onnx") | read_graph(folder / "wavenet_step.onnx")
    return matching(found, WaveNet(dims), folder)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `export wavenet`."""
    parser.add_argument("--run", type=Path, default=WORK / "voice-wavenet", help="folder of the run")
    parser.add_argument("--out", type=Path, default=Path("gr_deepsc/models/voice"), help="folder of both files")
    parser.add_argument("--temperature", type=float, default=0.8, help="scales the logistics that are drawn from")
    parser.add_argument("--training-data", default="unknown", help="one line for the files' metadata")


def run(args: argparse.Namespace) -> None:
    """Writes the model of a run and the hashes of all models."""
    model, _ = checkpoint.trained(args.run, "wavenet", WaveNet, WaveNetDims)
    difference = export(model, args.out, args.temperature, args.training_data)
    write_hashes(args.out.parent)
    for name in parts(model):
        report(args.out / f"{name}.onnx", difference)
