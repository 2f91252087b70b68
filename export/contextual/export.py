"""Writing the codec with context as ONNX: python -m deepsc_export.contextual.export work/contextual"""

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from gr_deepsc import __version__
from gr_deepsc.codec.rates import RATES
from gr_deepsc.text import ALPHABET, TOKENS

from .. import checkpoint
from ..config import ContextualDims
from ..onnx_export import provenance, write_contract, write_hashes, write_small
from .model import MOST, ContextualCodec, ContextualDecoder

FOLDER = Path("gr_deepsc/models/contextual")
COUNTS = (1, 2, 13, 90, 333)  # characters for which torch and ONNX Runtime are compared
INPUTS = {"encoder": ["emissions", "rate"], "decoder": ["symbols", "reliability", "rate"]}
OUTPUTS = {"encoder": "symbols", "decoder": "log_probs"}


class Receiver(nn.Module):
    """The decoder, and log-probabilities of what it says."""

    def __init__(self, decoder: ContextualDecoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, symbols: Tensor, reliability: Tensor, rate: Tensor) -> Tensor:
        """Symbols [batch, n, 34, 2] and reliability [batch, n, 34] -> [batch, 2 n, 29]."""
        return self.decoder(symbols, reliability, rate).log_softmax(-1)


def example(kind: str, count: int, rate: int) -> tuple[Tensor, ...]:
    """What one of the two graphs may be given for `count` characters."""
    if kind == "encoder":
        return torch.randn(1, count, TOKENS).softmax(-1), torch.tensor(rate)
    return torch.randn(1, count, MOST, 2), torch.rand(1, count, MOST), torch.tensor(rate)


def export(codec: ContextualCodec, folder: Path, training_data: str) -> dict[str, float]:
    """Writes encoder.onnx and decoder.onnx, weights in 8 bits.

    Returns:
        The largest difference between torch and ONNX Runtime, by kind, of the float32 graphs.

    Raises:
        ParityError: it exceeds `onnx_export.TOLERANCE`.
    """
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    origin, worst = provenance(codec), {}
    for kind, module in (("encoder", codec.encoder), ("decoder", Receiver(codec.decoder))):
        module.eval()
        inputs, output, path = INPUTS[kind], OUTPUTS[kind], folder / f"{kind}.onnx"
        free = {name: {0: "batch", 1: "n"} for name in [*inputs[:-1], output]}
        feeds = [example(kind, count, rate) for count in COUNTS for rate in range(len(RATES))]
        worst[kind] = write_small(module, [example(kind, 7, 0), *feeds], path, inputs, [output], free)
        contract = {
            "name": "contextual",
            "kind": f"contextual {kind}",
            "version": __version__,
            "vocabulary": ALPHABET,
            "rates": json.dumps(list(RATES.items())),
            "training_data": training_data,
            "licence": "GPL-3.0-or-later",
            "parity": json.dumps({"fp32_max_abs_difference": worst[kind], "characters": COUNTS}),
        }
        write_contract(path, contract | origin)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.contextual.export", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the training run")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--training-data", default="unknown", help="one line for the files' metadata")
    args = parser.parse_args()
    codec = ContextualCodec(ContextualDims())
    codec.load_state_dict(checkpoint.load(args.run / "best.pt")["model"])
    for kind, difference in export(codec, args.out, args.training_data).items():
        size = (args.out / f"{kind}.onnx").stat().st_size / 1e6
        print(f"{kind}.onnx: {size:.2f} MB, torch - ONNX Runtime in fp32 <= {difference:.1e}")
    write_hashes(args.out.parent)


if __name__ == "__main__":
    main()
