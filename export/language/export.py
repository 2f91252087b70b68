"""Write the language model's .onnx file, one step of it."""

import argparse
from pathlib import Path

import torch

from gr_deepsc.ctc.beam import LANGUAGE
from gr_deepsc.text import WRITTEN

from ..onnx_files.contract import facts, report, write_contract, write_hashes
from ..onnx_files.trace import write_small
from ..training import checkpoint
from .model import LanguageDims, LanguageModel, Step
from .train import OUT


def export(model: LanguageModel, path: Path, training_data: str) -> float:
    """Writes one step of `model`, weights in 8 bits; the largest difference between torch and ONNX Runtime.

    Raises:
        ParityError: it exceeds `trace.TOLERANCE`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    step, inputs, outputs = Step(model.eval()), ["token", "state"], ["log_probs", "next"]
    feed = torch.randint(len(WRITTEN), (5,)), torch.randn(5, model.dims.units).tanh()
    free = {name: {0: "texts"} for name in inputs + outputs}
    worst = write_small(step, [feed], path, inputs, outputs, free)
    write_contract(path, facts("language", model, training_data) | {"kind": "language", "vocabulary": WRITTEN})
    return worst


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `export language`."""
    parser.add_argument("--run", type=Path, default=OUT, help="folder of the training run")
    parser.add_argument("--out", type=Path, default=LANGUAGE, metavar="ONNX")
    parser.add_argument("--training-data", default="unknown", help="one line for the file's metadata")


def run(args: argparse.Namespace) -> None:
    """Writes the file and prints its size and parity."""
    model = LanguageModel(LanguageDims())
    model.load_state_dict(checkpoint.best(args.run).networks["language"])
    report(args.out, export(model, args.out, args.training_data))
    write_hashes(args.out.parent.parent)
