"""Write transmitter.onnx and receiver.onnx of a trained recogniser and its codec."""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from gr_deepsc.framing import FRAME_RATE, HOP, SAMPLE_RATE, SYMBOLS_PER_FRAME
from gr_deepsc.session import MODELS
from gr_deepsc.text import ALPHABET, BLANK

from ..onnx_files.contract import facts, report, write_contract, write_hashes
from ..onnx_files.storage import WEIGHTS, store
from ..onnx_files.trace import ParityError, check_parity, trace_named
from ..onnx_files.weights import part, read_weights
from ..recogniser.config import CONFIGS, MAX_SECONDS, SHIPPED, Config, WhisperDims
from ..recogniser.train import latest
from ..training import checkpoint
from ..training.options import WORK
from .system import DeepSC, Receiver, Transmitter

PARITY_SHAPES = ((1, 1_600), (1, 16_001), (2, 33_333), (1, 64_000), (2, 100_000), (1, 470_000))  # batch, samples
NAMES = {
    "transmitter": (["waveform"], ["symbols", "features"]),
    "receiver": (["symbols", "reliability"], ["log_probs"]),
}
_AXES = {
    "waveform": {0: "batch", 1: "samples"},
    "symbols": {0: "batch", 1: "n"},
    "reliability": {0: "batch", 1: "n"},
    "features": {0: "batch", 1: "frames"},
    "log_probs": {0: "batch", 1: "frames"},
}


def halves(system: DeepSC) -> dict[str, nn.Module]:
    """The two modules to export, by kind."""
    system.eval()
    return {
        "transmitter": Transmitter(system.recogniser, system.codec.encoder).eval(),
        "receiver": Receiver(system.codec.decoder).eval(),
    }


def feeds(kind: str, shapes: tuple[tuple[int, int], ...] = PARITY_SHAPES) -> Iterator[tuple[Tensor, ...]]:
    """Inputs of one of the two, of speech of so many rows and samples."""
    generator = torch.Generator().manual_seed(0)
    for batch, samples in shapes:
        n = -(-samples // HOP) * SYMBOLS_PER_FRAME
        if kind == "transmitter":
            yield (0.1 * torch.randn(batch, samples, generator=generator),)
        else:
            symbols = torch.randn(batch, n, 2, generator=generator)
            yield symbols, torch.rand(batch, n, generator=generator)


def to_onnx(kind: str, module: nn.Module, path: Path) -> None:
    """Writes `module` in float32 with free batch and length.

    Raises:
        ParityError: a GRU node without linear_before_reset = 1, which is how torch computes its new gate.
    """
    inputs, outputs = NAMES[kind]
    example = next(feeds(kind, ((2, 30 * HOP + 7),)))
    model = trace_named(module, example, path, inputs, outputs, {name: _AXES[name] for name in inputs + outputs})
    kept = {entry.name for entry in model.graph.input}
    for name, tensor in zip(inputs, example, strict=True):
        if name not in kept:  # the paper's decoder ignores the reliability; the contract keeps it
            shape = [_AXES[name].get(i, size) for i, size in enumerate(tensor.shape)]
            model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    onnx.save(model, path)
    for node in model.graph.node:
        if node.op_type == "GRU" and not any(a.name == "linear_before_reset" and a.i == 1 for a in node.attribute):
            raise ParityError(f"{path}: {node.name} has no linear_before_reset = 1")


def contract(system: DeepSC, kind: str, training_data: str) -> dict[str, str]:
    """What one half of a system says of itself, whatever its storage and its parity."""
    config = system.config
    said = facts(SHIPPED.get(config.name, config.name), system, training_data)
    if isinstance(config.encoder, WhisperDims):
        said["licence"] += "; encoder derived from OpenAI Whisper tiny.en, MIT (see LICENSE.whisper)"
    if kind == "transmitter":
        said["max_seconds"] = str(MAX_SECONDS)
    fixed = {"kind": kind, "pair": said["checkpoint_sha256"][:16], "sample_rate": SAMPLE_RATE, "hop": HOP}
    fixed |= {"frame_rate": FRAME_RATE, "symbols_per_frame": SYMBOLS_PER_FRAME, "vocabulary": ALPHABET, "blank": BLANK}
    return said | {key: str(value) for key, value in fixed.items()}


def export(system: DeepSC, folder: Path, training_data: str, weights: str = "half") -> dict[str, float]:
    """Writes both files of a system into `folder`, stored in one of the ways of `storage.WEIGHTS`.

    Returns:
        The largest difference between torch and ONNX Runtime, by kind, of the float32 graphs.

    Raises:
        ParityError: it exceeds `trace.TOLERANCE`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = {}
    for kind, module in halves(system).items():
        path = folder / f"{kind}.onnx"
        with tempfile.TemporaryDirectory() as temporary:
            plain = Path(temporary) / path.name
            to_onnx(kind, module, plain)
            figures[kind] = check_parity(module, plain, NAMES[kind][0], feeds(kind))
            store(plain, path, weights)
        parity = json.dumps({"fp32_max_abs_difference": figures[kind], "shapes": PARITY_SHAPES})
        write_contract(path, contract(system, kind, training_data) | {"weights": weights, "parity": parity})
    return figures


def load(config: Config, recognisers: list[Path], codec: Path | str) -> DeepSC:
    """A trained system.

    Args:
        recognisers: folders of runs that left from the same weights; their mean is taken.
        codec: folder of its run, or the name of a shipped model, or a folder with its .onnx files.

    Raises:
        FileNotFoundError: there is no such run or model.
    """
    system = DeepSC(config)
    states = [checkpoint.best(run).networks["recogniser"] for run in recognisers]
    system.recogniser.load_state_dict(checkpoint.average(states))
    trained = (Path(codec) / "best.pt").is_file()
    state = checkpoint.best(codec).networks["codec"] if trained else part(read_weights(codec), "codec")
    system.codec.load_state_dict(state)
    return system


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `export pair`."""
    parser.add_argument("--config", choices=CONFIGS, default="pretrained")
    parser.add_argument(
        "--recogniser",
        type=Path,
        nargs="+",
        metavar="RUN",
        help=f"folders of its runs, of which the mean is taken (default: of {WORK}/CONFIG the latest)",
    )
    parser.add_argument(
        "--codec", metavar="RUN", help=f"folder of its run, or a model to take it from (default: {WORK}/CONFIG/codec)"
    )
    parser.add_argument("--out", type=Path, help=f"folder to write (default: under {MODELS})")
    parser.add_argument("--training-data", default="unknown", help="one line for the files' metadata")
    parser.add_argument("--weights", choices=WEIGHTS, default="half", help="how they are stored (default: half)")


def run(args: argparse.Namespace) -> None:
    """Writes the files and prints their sizes and parity."""
    config, home = CONFIGS[args.config], WORK / args.config
    system = load(config, args.recogniser or [latest(home)], args.codec or home / "codec")
    out = args.out or MODELS / SHIPPED.get(config.name, config.name)
    for kind, difference in export(system, out, args.training_data, args.weights).items():
        report(out / f"{kind}.onnx", difference)
    write_hashes(out.parent)
