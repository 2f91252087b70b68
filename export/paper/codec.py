"""Train the paper's channel codec for the default recogniser: 29-40-40 units, then 40-40-29, zero forcing, Rician."""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gr_deepsc.codec.framewise import FramewiseEncoder

from ..codec.train import PAPER_CHANNEL, RISE, SAVE_EVERY, train
from ..data.audio import Speech, splits
from ..recogniser.config import CodecDims
from ..recogniser.features import Features
from ..training import options
from ..training.optimisation import straight
from ..training.options import WORK


def features(speech: Speech, transmitter: FramewiseEncoder) -> Features:
    """P of every utterance, from the shipped model."""
    rows = [transmitter(speech[i])[1].astype(np.float16) for i in tqdm(range(len(speech)), "features", disable=None)]
    return Features(rows, [utterance.text for utterance in speech.utterances])


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `paper codec`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    options.add_options(parser, WORK / "paper-codec", (3000, "steps"), 2e-3)
    parser.add_argument("--npz", type=Path, required=True, help="file to write the codec's weights to")
    parser.add_argument("--hours", type=float, default=2.0, help="speech to take features from")


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on, and writes the weights."""
    plan = options.plan(args, RISE, straight, SAVE_EVERY)
    transmitter = FramewiseEncoder("default")
    parts = splits(args.corpora, "train", "valid", cache=plan.folder)
    known = [features(part.sample(args.hours, np.random.default_rng(0)), transmitter) for part in parts]
    codec = train(plan, CodecDims(), *known, args.lr, PAPER_CHANNEL)  # the dimensions' defaults are the paper's
    np.savez(args.npz, **{name: weight.numpy() for name, weight in codec.state_dict().items()})
