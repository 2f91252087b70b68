"""The paper's channel codec for the default recogniser: 29-40-40 units, then 40-40-29, zero forcing, Rician at 8 dB.

Run: python -m deepsc_export.paper_codec CORPUS ... --out bench/systems/paper_codec.npz
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from gr_deepsc.codec.framewise import FramewiseEncoder

from .config import CodecDims, Config, WhisperDims
from .data.audio import Speech
from .data.corpora import load
from .train_codec import Features, train

CONFIG = Config("paper-codec", WhisperDims(), CodecDims())  # the dimensions' defaults are the paper's
CHANNEL = ("rician", 8.0)  # dB: what the paper calls its robust model (section V)


def features(speech: Speech, transmitter: FramewiseEncoder) -> Features:
    """P of every utterance, from the shipped model."""
    rows = [transmitter(speech[i])[1].astype(np.float16) for i in tqdm(range(len(speech)), "features")]
    return Features(rows, [utterance.text for utterance in speech.utterances])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.paper_codec", description=__doc__)
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    parser.add_argument("--out", type=Path, required=True, help=".npz with the codec's weights")
    parser.add_argument("--work", type=Path, default=Path("work/paper-codec"), help="folder of the run")
    parser.add_argument("--hours", type=float, default=2.0, help="speech to take features from")
    parser.add_argument("--steps", type=int, default=3000, help="batches of features")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    utterances = [utterance for folder in args.corpora for utterance in load(folder)]
    transmitter = FramewiseEncoder("default")
    splits = []
    for split in ("train", "valid"):
        speech = Speech([u for u in utterances if u.split == split], args.work)
        splits.append(features(speech.sample(args.hours, np.random.default_rng(0)), transmitter))
    codec = train(CONFIG, *splits, args.work, args.steps, fixed=CHANNEL)
    np.savez(args.out, **{name: weight.numpy() for name, weight in codec.state_dict().items()})


if __name__ == "__main__":
    main()
