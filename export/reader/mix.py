"""Average the fine-tuned reader's weights with the original's: the cure for forgetting (Wortsman et al. 2022)."""

import argparse
from pathlib import Path

import numpy as np
from torch import Tensor

from ..data.audio import splits
from ..training import checkpoint, options
from ..training.optimisation import device_of, half_precision, pick_device
from ..training.options import WORK
from .decode import Window
from .measure import by_corpus, texts
from .model import whisper

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def mixed(original: dict[str, Tensor], tuned: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """`share` of `tuned`, the rest of `original`."""
    return {key: value + share * (tuned[key] - value) for key, value in original.items()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `reader mix`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/: their validation splits")
    parser.add_argument("--run", type=Path, default=WORK / "reader", help="folder of the training run")
    parser.add_argument("--out", type=Path, default=WORK / "reader" / "mixed", help="folder for the best of them")
    parser.add_argument("--shares", nargs="+", type=float, default=SHARES, help="of the fine-tuned weights")
    parser.add_argument("--window", type=Window.parse, default=Window(1.0), help="+SECONDS, or SECONDS in all")
    options.add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Prints a line for each share, and keeps the one with the smallest mean CER over corpora."""
    options.use(args)
    reader, vocabulary = whisper()
    reader.to(pick_device(args.device))
    base = {key: value.clone() for key, value in reader.state_dict().items()}
    tuned = checkpoint.best(args.run).networks["reader"]
    (valid,) = splits(args.corpora, "valid")
    best = np.inf
    for share in args.shares:
        reader.load_state_dict(mixed(base, {key: value.to(base[key]) for key, value in tuned.items()}, share))
        with half_precision(device_of(reader)):
            found = by_corpus(valid, texts(reader, vocabulary, valid, args.window))
        mean = float(np.mean([cer for cer, _ in found.values()]))
        rates = "  ".join(f"{corpus} {cer:.4f}/{wer:.3f}" for corpus, (cer, wer) in found.items())
        print(f"fine-tuned {share:4.2f}  {rates}  mean CER {mean:.4f}", flush=True)
        if mean < best:
            best, state = mean, {key: value.cpu().clone() for key, value in reader.state_dict().items()}
            checkpoint.save(args.out / "best.pt", {"networks": {"reader": state}, "about": {"share": share}})
