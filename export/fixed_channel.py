"""The robust-model study of the paper: its channel codec, trained at one point of one channel and tested at many.

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

from .config import PAPER
from .models.codec import Codec
from .train_codec import Features, train


def read(path: Path) -> Features:
    """An .npz file with the P of all utterances in a row, float16 [frames, 29], how many frames each has, the texts."""
    stored = np.load(path)
    rows = np.split(stored["probabilities"], np.cumsum(stored["frames"])[:-1])
    return Features(rows, [str(text) for text in stored["texts"]])


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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.fixed_channel", description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="with train.npz, valid.npz and test.npz; the run is kept there"
    )
    parser.add_argument(
        "--train-at", nargs=2, metavar=("KIND", "DB"), help="any channel at -10 to 20 dB if not given"
    )
    parser.add_argument("--points", type=json.loads, required=True, help="[[KIND, DB], ...] to test at")
    parser.add_argument("--numbers", type=json.loads, required=True, help="of the test utterances: [N, ...]")
    parser.add_argument("--steps", type=int, default=1000, help="batches of 240 s of features")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    features, valid, test = (read(args.folder / f"{split}.npz") for split in ("train", "valid", "test"))
    fixed = (args.train_at[0], float(args.train_at[1])) if args.train_at else None
    codec = train(PAPER, features, valid, args.folder, args.steps, fixed=fixed, seed=args.seed)
    found = [received_texts(codec, test, args.numbers, kind, snr, args.seed) for kind, snr in args.points]
    (args.folder / "texts.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
