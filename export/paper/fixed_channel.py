"""Train the paper's channel codec at one point of one channel and test it at many: its robust-model study.

`deepsc bench robust` runs it once for each model; it makes the features and counts the errors.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.phy import channel
from gr_deepsc.phy.equalise import zero_forcing

from ..codec.model import Codec
from ..codec.train import RISE, SAVE_EVERY, train
from ..data import ragged
from ..recogniser.config import CodecDims
from ..recogniser.features import Features
from ..training import options
from ..training.optimisation import straight


def received_texts(
    codec: Codec, features: Features, numbers: list[int], kind: str, es_n0_db: float, seed: int
) -> list[str]:
    """Greedy texts after the channel's realisations of `seed` and each utterance's number, by zero forcing."""
    texts = []
    with torch.inference_mode():
        for probabilities, number in zip(features.probabilities, numbers, strict=True):
            p = torch.from_numpy(probabilities.astype(np.float32))[None]
            symbols = torch.view_as_complex(codec.encoder(p))[0].numpy()
            met = channel.transmit(symbols, kind, es_n0_db, np.random.default_rng([seed, number]))
            z, reliability = zero_forcing(met.symbols, met.csi)
            pairs = torch.view_as_real(torch.from_numpy(z))[None]
            texts.append(greedy(codec.decoder(pairs, torch.from_numpy(reliability)[None])[0].numpy())[0])
    return texts


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `paper fixed-channel`."""
    parser.add_argument("folder", type=Path, help="with train.npz, valid.npz and test.npz; texts.json comes there")
    parser.add_argument("--train-at", nargs=2, metavar=("KIND", "DB"), help="any channel at -10 to 20 dB if not given")
    parser.add_argument("--points", type=json.loads, required=True, help="[[KIND, DB], ...] to test at")
    parser.add_argument("--numbers", type=json.loads, required=True, help="of the test utterances: [N, ...]")
    options.add_options(parser, "FOLDER", (1000, "steps"), 2e-3)


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on, and tests."""
    plan = options.plan(args, RISE, straight, SAVE_EVERY, args.folder)
    loaded = (ragged.load(args.folder / f"{split}.npz") for split in ("train", "valid", "test"))
    features, valid, test = (Features(rows, list(map(str, more["texts"]))) for rows, more in loaded)
    fixed = (args.train_at[0], float(args.train_at[1])) if args.train_at else None
    codec = train(plan, CodecDims(), features, valid, args.lr, fixed)
    found = [received_texts(codec, test, args.numbers, kind, snr, args.seed) for kind, snr in args.points]
    (args.folder / "texts.json").write_text(json.dumps(found))
