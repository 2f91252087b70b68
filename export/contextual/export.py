"""Write encoder.onnx and decoder.onnx of the codec with context."""

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from gr_deepsc.codec.rates import RATES
from gr_deepsc.session import MODELS
from gr_deepsc.text import WRITTEN, WRITTEN_TOKENS

from ..onnx_files.contract import facts, report, write_contract, write_hashes
from ..onnx_files.trace import write_small
from ..training import checkpoint
from ..training.options import WORK
from .model import MOST, ContextualCodec, ContextualDecoder, ContextualDims

COUNTS = (1, 2, 13, 90, 333)  # characters for which torch and ONNX Runtime are compared
INPUTS = {"encoder": ["letters", "rate"], "decoder": ["symbols", "reliability", "rate"]}
OUTPUTS = {"encoder": "symbols", "decoder": "log_probs"}


class Receiver(nn.Module):
    """The decoder, and log-probabilities of what it says."""

    def __init__(self, decoder: ContextualDecoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, symbols: Tensor, reliability: Tensor, rate: Tensor) -> Tensor:
        """Symbols [batch, n, 33, 2] and reliability [batch, n, 33] -> [batch, n, 75]."""
        return self.decoder(symbols, reliability, rate).log_softmax(-1)


def example(kind: str, count: int, rate: int) -> tuple[Tensor, ...]:
    """What one of the two graphs may be given for `count` characters."""
    if kind == "encoder":
        return torch.randn(1, count, WRITTEN_TOKENS).softmax(-1), torch.tensor(rate)
    return torch.randn(1, count, MOST, 2), torch.rand(1, count, MOST), torch.tensor(rate)


def export(codec: ContextualCodec, folder: Path, training_data: str) -> dict[str, float]:
    """Writes encoder.onnx and decoder.onnx, weights in 8 bits.

    Returns:
        The largest difference between torch and ONNX Runtime, by kind, of the float32 graphs.

    Raises:
        ParityError: it exceeds `trace.TOLERANCE`.
    """
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    known, worst = facts("contextual", codec, training_data), {}
    for kind, module in (("encoder", codec.encoder), ("decoder", Receiver(codec.decoder))):
        module.eval()
        inputs, output, path = INPUTS[kind], OUTPUTS[kind], folder / f"{kind}.onnx"
        free = {name: {0: "batch", 1: "n"} for name in [*inputs[:-1], output]}
        feeds = [example(kind, count, rate) for count in COUNTS for rate in range(len(RATES))]
        worst[kind] = write_small(module, [example(kind, 7, 0), *feeds], path, inputs, [output], free)
        contract = {
            "kind": f"contextual {kind}",
            "vocabulary": WRITTEN,
            "rates": json.dumps(list(RATES.items())),
            "parity": json.dumps({"fp32_max_abs_difference": worst[kind], "characters": COUNTS}),
        }
        write_contract(path, contract | known)
    return worst


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `export contextual`."""
    parser.add_argument("--run", type=Path, default=WORK / "contextual", help="folder of the training run")
    parser.add_argument("--out", type=Path, default=MODELS / "contextual")
    parser.add_argument("--training-data", default="unknown", help="one line for the files' metadata")


def run(args: argparse.Namespace) -> None:
    """Writes the files and prints their sizes and parity."""
    codec = ContextualCodec(ContextualDims())
    codec.load_state_dict(checkpoint.best(args.run).networks["codec"])
    for kind, difference in export(codec, args.out, args.training_data).items():
        report(args.out / f"{kind}.onnx", difference)
    write_hashes(args.out.parent)
