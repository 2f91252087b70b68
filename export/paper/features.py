"""The features P of a trained semantic encoder, in the files from which `paper fixed-channel` trains and tests.

The channel codec takes minutes on a CPU, the paper's encoder (85.8 M parameters) needs a GPU: these files are small
enough to be carried from the one to the other.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from gr_deepsc.ctc.greedy import greedy, logarithms

from ..data import ragged
from ..data.audio import CACHE, splits
from ..onnx_files.weights import part, read_weights
from ..recogniser.config import CONFIGS, SHIPPED
from ..recogniser.features import extract
from ..recogniser.model import build
from ..recogniser.train import load
from ..training import options
from ..training.metrics import error_rates
from ..training.optimisation import pick_device


def recogniser_of(name: str) -> torch.nn.Module:
    """That of a run's folder, or a shipped one by its name.

    Raises:
        FileNotFoundError: neither.
    """
    for config, shipped in SHIPPED.items():
        if name == shipped:
            model = build(CONFIGS[config].encoder)
            model.load_state_dict(part(read_weights(name), "recogniser"), strict=False)
            return model.eval()
    return load(Path(name))[1]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `paper features`."""
    parser.add_argument("recogniser", help="folder of its run, or a shipped model's name")
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    parser.add_argument("--out", type=Path, required=True, help="folder for train.npz, valid.npz and test.npz")
    parser.add_argument("--splits", nargs="+", choices=("train", "valid", "test"), default=["train", "valid", "test"])
    parser.add_argument("--hours", type=float, default=1.0, help="of speech to train the codec on (default: 1)")
    options.add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Writes the files, and prints each corpus's error rates without a channel."""
    options.use(args)
    recogniser = recogniser_of(args.recogniser).to(pick_device(args.device))
    for split, speech in zip(args.splits, splits(args.corpora, *args.splits, cache=CACHE), strict=True):
        rng = np.random.default_rng(0) if split == "train" else None
        if rng is not None:
            speech = speech.sample(args.hours, rng)
        features = extract(recogniser, speech, rng)
        keys = [utterance.key for utterance in speech.utterances]
        ragged.save(args.out / f"{split}.npz", features.probabilities, texts=features.texts, keys=keys)
        if rng is None:
            report(split, keys, features.texts, features.probabilities)


def report(split: str, keys: list[str], truths: list[str], probabilities: list[np.ndarray]) -> None:
    """Prints a corpus a line."""
    found = [greedy(logarithms(p.astype(np.float32)))[0] for p in probabilities]
    corpora = [key.split("/")[0] for key in keys]
    for corpus in dict.fromkeys(corpora):
        chosen = [i for i, name in enumerate(corpora) if name == corpus]
        cer, wer = error_rates([truths[i] for i in chosen], [found[i] for i in chosen])
        print(f"{split:6} {corpus:18} {len(chosen):4} utterances  CER {cer:.4f}  WER {wer:.4f}")
