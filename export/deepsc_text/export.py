"""Write the text transformer as three ONNX graphs."""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gr_deepsc.session import open_session
from gr_deepsc.text import ALPHABET

from ..onnx_files.contract import facts, report, write_contract
from ..onnx_files.storage import to_bytes
from ..onnx_files.trace import TOLERANCE, ParityError, trace
from ..training import checkpoint
from .model import LONGEST, START, SYMBOLS, TextDims, TextTransformer
from .train import OUT as RUN
from .unrolled import Memory, Sender, Step

OUT = Path("bench/systems/deepsc_text")
PARITY_LENGTHS = (1, 7, 60, LONGEST)  # characters


def graphs(model: TextTransformer) -> dict[str, tuple[nn.Module, tuple, list[str], list[str], dict]]:
    """Module, example, names of inputs and outputs, free axes of each graph."""
    dims = model.dims
    kept = torch.zeros(dims.layers, 2, 2, dims.heads, 4, dims.width // dims.heads)
    batch = {0: "batch"}
    return {
        "sender": (
            Sender(model), (torch.zeros(2, 9, dtype=torch.long),), ["tokens"], ["symbols"],
            {"tokens": batch | {1: "n"}, "symbols": batch | {1: "symbols"}},
        ),
        "memory": (
            Memory(model), (torch.randn(2, 9 * SYMBOLS, 2), torch.rand(2, 9 * SYMBOLS)),
            ["symbols", "reliability"], ["memory"],
            {"symbols": batch | {1: "symbols"}, "reliability": batch | {1: "symbols"}, "memory": {2: "batch", 4: "n"}},
        ),
        "speller": (
            Step(model), (torch.zeros(2, dtype=torch.long), torch.tensor([4]), kept, kept),
            ["token", "place", "past", "memory"], ["log_probs", "present"],
            {"token": batch, "past": {2: "batch", 4: "place"}, "memory": {2: "batch", 4: "n"},
             "log_probs": batch, "present": {2: "batch", 4: "places"}},
        ),
    }  # fmt: skip


@torch.inference_mode()
def check_parity(model: TextTransformer, folder: Path) -> float:
    """Largest difference of symbols and log-probabilities between torch's whole decoder and the three graphs.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    generator, worst = torch.Generator().manual_seed(0), 0.0
    runs = {name: open_session(folder / f"{name}.onnx") for name in graphs(model)}
    for n in PARITY_LENGTHS:
        tokens = torch.randint(START, (1, n), generator=generator)
        symbols = model.send(tokens)
        (given,) = runs["sender"].run(None, {"tokens": tokens.numpy()})
        worst = max(worst, np.abs(symbols.numpy() - given).max())
        reliability = torch.rand(1, n * SYMBOLS, generator=generator)
        prefix = torch.cat([torch.tensor([[START]]), tokens[:, :-1]], 1)
        wanted = model.spell(prefix, model.hear(symbols, reliability)).log_softmax(-1)[0].numpy()
        (memory,) = runs["memory"].run(None, {"symbols": symbols.numpy(), "reliability": reliability.numpy()})
        past = np.zeros((*memory.shape[:4], 0, memory.shape[5]), np.float32)
        for t in range(n):
            feed = {"token": prefix[:, t].numpy(), "place": np.array([t]), "past": past, "memory": memory}
            log_probs, past = runs["speller"].run(None, feed)
            worst = max(worst, np.abs(log_probs[0] - wanted[t]).max())
    if worst >= TOLERANCE:
        raise ParityError(f"{folder}: torch and ONNX Runtime differ by {worst:.2e}, allowed is {TOLERANCE:.0e}")
    return float(worst)


def export(model: TextTransformer, folder: Path, training_data: str) -> float:
    """Writes sender.onnx, memory.onnx and speller.onnx; returns the parity figure of the float32 graphs."""
    model.eval()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary)
        for name, (module, example, inputs, outputs, axes) in graphs(model).items():
            trace(module.eval(), example, plain / f"{name}.onnx", inputs, outputs, axes)
        difference = check_parity(model, plain)
        for name in graphs(model):
            to_bytes(plain / f"{name}.onnx", folder / f"{name}.onnx")
    for name in graphs(model):
        contract = {
            "kind": name, "vocabulary": ALPHABET, "symbols_per_character": str(SYMBOLS), "longest": str(LONGEST),
            "weights": "bytes", **facts("deepsc_text", model, training_data),
            "parity": json.dumps({"fp32_max_abs_difference": difference, "characters": PARITY_LENGTHS}),
        }  # fmt: skip
        write_contract(folder / f"{name}.onnx", contract)
    return difference


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `export deepsc-text`."""
    parser.add_argument("--run", type=Path, default=RUN, help="folder of the training run")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--training-data", default="unknown", help="one line for the files' metadata")


def run(args: argparse.Namespace) -> None:
    """Writes the files and prints their sizes and parity."""
    model, _ = checkpoint.trained(args.run, "text", TextTransformer, TextDims)
    difference = export(model, args.out, args.training_data)
    for path in sorted(args.out.glob("*.onnx")):
        report(path, difference)
