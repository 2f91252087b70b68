"""Write the reader's encoder.onnx and decoder.onnx."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gr_deepsc.framing import HOP, SAMPLE_RATE
from gr_deepsc.session import MODELS
from gr_deepsc.text import WRITTEN

from ..onnx_files.contract import facts, report, write_contract, write_hashes
from ..onnx_files.storage import WEIGHTS
from ..onnx_files.trace import write_small
from ..training import checkpoint
from ..training.options import WORK
from .model import Reader, ReaderDims, whisper
from .vocabulary import Vocabulary

FRAMES = (1, 25, 130, 750)  # of the windows for which torch and ONNX Runtime are compared
CACHES = ((1, 2, 0, 50), (1, 1, 7, 50), (5, 1, 2, 300), (3, 4, 90, 1500))  # beams, new tokens, past ones, states
# A step of the decoder reads all its weights for one row: three times as fast in 8 bits. The encoder has many rows.
STORED = "bytes", "products"
LICENSE = "LICENSE.whisper"
ENCODER = (["waveform"], ["cross_keys", "cross_values"])
DECODER = (["tokens", "keys", "values", "cross_keys", "cross_values"], ["log_probs", "new_keys", "new_values"])
LISTENING = {"waveform": {1: "samples"}, "cross_keys": {2: "states"}, "cross_values": {2: "states"}}
STEPPING = {
    "tokens": {0: "beams", 1: "new"},
    "log_probs": {0: "beams"},
    **{name: {1: "beams", 3: "past"} for name in ("keys", "values")},
    **{name: {1: "beams", 3: "said"} for name in ("new_keys", "new_values")},
    **{name: {2: "states"} for name in ("cross_keys", "cross_values")},
}


class Listening(nn.Module):
    """What is done once for a recording."""

    def __init__(self, reader: Reader):
        super().__init__()
        self.encoder, self.projection = reader.encoder, reader.projection

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """[1, samples] -> the cross-attention's keys and values [layers, heads, states, n]."""
        return self.projection(self.encoder(waveform)[0])


class Stepping(nn.Module):
    """What is done once for a token."""

    def __init__(self, reader: Reader):
        super().__init__()
        self.decoder = reader.decoder

    def forward(
        self, tokens: Tensor, keys: Tensor, values: Tensor, cross_keys: Tensor, cross_values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities [beams, tokens] of what follows, and the cache."""
        table = self.decoder.embedding.weight.T  # at both ends, so that the file holds it once
        embedded = table[:, tokens].movedim(0, -1)
        hidden, keys, values = self.decoder.decode(embedded, (keys, values), (cross_keys, cross_values))
        return (hidden[:, -1] @ table).log_softmax(-1), keys, values


def syllables(samples: int) -> Tensor:
    """Noise that swells four times a second, [1, samples], and ends before the window does.

    In 30 s of even noise attention has nothing to choose by, and float32's rounding grows to 4e-4.
    """
    time = torch.arange(samples) / SAMPLE_RATE
    swell = torch.sin(4 * torch.pi * time) ** 2 * (time < 0.8 * samples / SAMPLE_RATE)
    return 0.1 * torch.randn(1, samples) * swell


def example(dims: ReaderDims, beams: int, new: int, past: int, states: int) -> tuple[Tensor, ...]:
    """What the decoder may be given."""
    heads, n = dims.heads, dims.width // dims.heads
    cache = [torch.randn(dims.layers, beams, heads, past, n) for _ in range(2)]
    cross = [torch.randn(dims.layers, heads, states, n) for _ in range(2)]
    return torch.randint(dims.tokens, (beams, new)), *cache, *cross


def export(
    reader: Reader,
    vocabulary: Vocabulary,
    folder: Path,
    training_data: str,
    margin: float,
    weights: Sequence[str] = STORED,
) -> dict[str, float]:
    """Writes encoder.onnx and decoder.onnx.

    Args:
        margin: seconds of silence behind the utterance that the reader has to be given.
        weights: how those of encoder and decoder are stored, two of `storage.WEIGHTS`.

    Returns:
        The largest difference between torch and ONNX Runtime, by kind, of the float32 graphs.

    Raises:
        ParityError: it exceeds `trace.TOLERANCE`.
    """
    torch.manual_seed(0)
    reader.eval()
    folder.mkdir(parents=True, exist_ok=True)
    known, worst = facts("reader", reader, training_data) | {"sample_rate": str(SAMPLE_RATE)}, {}
    sounds = [(syllables(HOP * frames),) for frames in FRAMES]
    sayings = [example(reader.decoder.dims, *sizes) for sizes in CACHES]
    for kind, module, feeds, names, free, sizes, stored in (
        ("encoder", Listening(reader), sounds, ENCODER, LISTENING, {"frames": FRAMES}, weights[0]),
        ("decoder", Stepping(reader), sayings, DECODER, STEPPING, {"beams_new_past_states": CACHES}, weights[1]),
    ):
        path = folder / f"{kind}.onnx"
        worst[kind] = write_small(module.eval(), feeds, path, *names, free, weights=stored)
        contract = {
            "kind": f"reader {kind}",
            "margin_s": f"{margin:g}",
            "weights": stored,
            "parity": json.dumps({"fp32_max_abs_difference": worst[kind], **sizes}),
        }
        if kind == "decoder":
            contract |= {"tokens": json.dumps(vocabulary.strings), "alphabet": WRITTEN}
        write_contract(path, contract | known)
    return worst


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `export reader`."""
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--run", type=Path, default=WORK / "reader", help="folder of the training run")
    whose.add_argument("--original", action="store_true", help="Whisper tiny.en's own weights instead")
    parser.add_argument("--out", type=Path, default=MODELS / "reader")
    parser.add_argument(
        "--weights",
        nargs=2,
        choices=WEIGHTS,
        default=STORED,
        metavar=("ENCODER", "DECODER"),
        help=f"how weights are stored: two of {', '.join(WEIGHTS)} (default: {' '.join(STORED)})",
    )
    parser.add_argument("--margin", type=float, default=1.0, metavar="S", help="silence that the reader is to be given")
    parser.add_argument("--training-data", default="unknown", help="one line for the files' metadata")


def run(args: argparse.Namespace) -> None:
    """Writes the files and prints their sizes and parity."""
    reader, vocabulary = whisper()
    if not args.original:
        reader.load_state_dict(checkpoint.best(args.run).networks["reader"])
    worst = export(reader, vocabulary, args.out, args.training_data, args.margin, args.weights)
    for kind, difference in worst.items():
        report(args.out / f"{kind}.onnx", difference)
    (args.out / LICENSE).write_text((MODELS / "default" / LICENSE).read_text())
    if args.out.parent == MODELS:
        write_hashes(MODELS)
