"""Tacotron 2 as three ONNX graphs: before, in and after the autoregressive part.

encoder.onnx reads the text once, step.onnx makes `reduction` mel frames and moves the state on, post.onnx refines all
frames. No trained Tacotron is shipped.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gr_deepsc.text import ALPHABET

from ...onnx_files.contract import write_contract
from ...onnx_files.storage import halve
from ...onnx_files.trace import trace
from ...training import checkpoint
from ...training.options import WORK
from ..files import contract
from ..mel import MELS
from ..spoken import EDGE
from .model import State, Tacotron, TacotronDims

STATE = ("hidden", "cell", "hidden2", "cell2", "weights", "total", "context")


class Reader(nn.Module):
    """int64 [1, n] with edges, user int64 [1] -> memory [1, n, width + speaker], keys [1, n, attention]."""

    def __init__(self, model: Tacotron):
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, user_id: Tensor) -> tuple[Tensor, Tensor]:
        """`memory` and `keys` of `State`."""
        state = self.model.begin(tokens, user_id)
        return state.memory, state.keys


class Step(nn.Module):
    """The last frame [1, 1, 80], the pre-net's dropout as factors [2, prenet], and the state; new frames first."""

    def __init__(self, model: Tacotron):
        super().__init__()
        self.model = model

    def forward(self, memory: Tensor, keys: Tensor, frame: Tensor, keep: Tensor, *last: Tensor) -> tuple[Tensor, ...]:
        """Mels [1, reduction, 80], stop logit [1, 1], and the state's parts as in `STATE`."""
        hidden, cell, hidden2, cell2, weights, total, context = last
        mask = torch.ones_like(weights[:, 0], dtype=torch.bool)
        state = State(memory, keys, mask, (hidden, cell), weights, total, context)
        for layer, factor in zip(self.model.prenet.layers, keep.unbind(), strict=True):
            frame = F.relu(layer(frame)) * factor
        seen, _ = self.model.attend(state, frame)
        mel, stop, second = self.model.decode(seen, (hidden2, cell2))
        return mel, stop, *state.first, *second, state.weights, state.total, state.context


class Refine(nn.Module):
    """Normalised frames [1, frames, 80] -> log-mels."""

    def __init__(self, model: Tacotron):
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor) -> Tensor:
        """Through the post-net, in the mels' own units."""
        return self.model.refine(frames) * self.model.mel_scale + self.model.mel_mean


def graphs(model: Tacotron) -> dict[str, tuple[nn.Module, dict[str, Tensor], list[str], dict]]:
    """Module, example inputs, names of outputs and free dimensions of each file."""
    dims = model.dims
    tokens = torch.randint(0, EDGE, (1, 12))
    memory, keys = Reader(model)(tokens, torch.tensor([0]))
    wide, cells = torch.zeros(1, 1, memory.shape[2]), torch.zeros(1, 1, dims.lstm)
    place = torch.zeros(1, 1, 12)
    inputs = {"memory": memory, "keys": keys, "frame": torch.zeros(1, 1, MELS)}
    inputs |= {"keep": torch.ones(2, dims.prenet)}
    inputs |= dict(zip(STATE, (cells, cells, cells, cells, place, place, wide), strict=True))
    along = {1: "n"}
    weights = {name: {2: "n"} for name in ("weights", "total", "weights_out", "total_out")}
    return {
        "encoder": (
            Reader(model), {"tokens": tokens, "user_id": torch.tensor([0])}, ["memory", "keys"],
            {"tokens": along, "memory": along, "keys": along},
        ),
        "step": (
            Step(model), inputs, ["mel", "stop", *(f"{name}_out" for name in STATE)],
            {"memory": along, "keys": along, **weights},
        ),
        "post": (
            Refine(model), {"frames": torch.zeros(1, 12, MELS)}, ["mel"],
            {"frames": {1: "frames"}, "mel": {1: "frames"}},
        ),
    }  # fmt: skip


def export(model: Tacotron, folder: Path) -> None:
    """Writes the three files, large weights in half precision, with their contract."""
    model = model.eval()
    folder.mkdir(parents=True, exist_ok=True)
    for name, (module, inputs, outputs, free) in graphs(model).items():
        with tempfile.TemporaryDirectory() as temporary, torch.inference_mode():
            plain = Path(temporary) / "plain.onnx"
            trace(module.eval(), tuple(inputs.values()), plain, list(inputs), outputs, free)
            halve(plain, folder / f"{name}.onnx")
        facts = {"vocabulary": ALPHABET, "reduction": str(model.dims.reduction)}
        write_contract(folder / f"{name}.onnx", contract("tacotron", name, model) | facts)


def load_tacotron(folder: Path) -> tuple[Tacotron, list[str]]:
    """The trained model of a run's folder, and its speakers' names; errors as of `checkpoint.best`."""
    model, about = checkpoint.trained(folder, "tacotron", Tacotron, TacotronDims)
    return model, about["speakers"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `export tacotron`."""
    parser.add_argument("--run", type=Path, default=WORK / "tacotron-compact", help="folder of the run")
    parser.add_argument("--out", type=Path, default=WORK / "tacotron-onnx", help="folder of the files")


def run(args: argparse.Namespace) -> None:
    """Writes the model of a run."""
    export(load_tacotron(args.run)[0], args.out)
    size = sum(path.stat().st_size for path in args.out.glob("*.onnx"))
    print(f"{args.out}: {size / 1e6:.1f} MB in three files")
