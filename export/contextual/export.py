"""Writing the codec with context as ONNX: python -m deepsc_export.contextual.export work/contextual"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from gr_deepsc import __version__
from gr_deepsc.rates import RATES
from gr_deepsc.text import ALPHABET, TOKENS

from .. import checkpoint
from ..config import ContextualDims
from ..onnx_export import (
    TOLERANCE,
    ParityError,
    provenance,
    session,
    to_bytes,
    trace,
    write_contract,
    write_hashes,
)
from ..onnx_weights import name_weights
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


@torch.no_grad()
def export(codec: ContextualCodec, folder: Path, training_data: str) -> dict[str, float]:
    """Writes encoder.onnx and decoder.onnx, weights in 8 bits.

    Returns:
        The largest difference between torch and ONNX Runtime, by kind, of the float32 graphs.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    origin, worst = provenance(codec), {}
    for kind, module in (("encoder", codec.encoder), ("decoder", Receiver(codec.decoder))):
        module.eval()
        inputs, output, path = INPUTS[kind], OUTPUTS[kind], folder / f"{kind}.onnx"
        free = {name: {0: "batch", 1: "n"} for name in [*inputs[:-1], output]}
        with tempfile.TemporaryDirectory() as temporary:
            plain = Path(temporary) / path.name
            trace(module, example(kind, 7, 0), plain, inputs, [output], free)
            model = onnx.load(plain)
            name_weights(model, module.state_dict())
            onnx.save(model, plain)
            run, worst[kind] = session(plain), 0.0
            for count in COUNTS:
                for rate in range(len(RATES)):
                    feed = example(kind, count, rate)
                    given = run.run(None, {n: x.numpy() for n, x in zip(inputs, feed, strict=True)})[0]
                    worst[kind] = max(worst[kind], float(np.abs(module(*feed).numpy() - given).max()))
            if worst[kind] >= TOLERANCE:
                raise ParityError(f"{path}: torch and ONNX Runtime differ by {worst[kind]:.2e}")
            to_bytes(plain, path)
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
