"""Print error rates of an exported model over channels and Es/N0: Algorithm 2 of the paper, by ONNX Runtime."""

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gr_deepsc.codec.framewise import FramewiseDecoder, FramewiseEncoder
from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.phy import channel
from gr_deepsc.phy.equalise import mmse, zero_forcing

from .data.audio import Speech, splits
from .data.corpora import SPLITS
from .training.metrics import error_rates

EQUALISERS = {"mmse": mmse, "zf": lambda received, csi, n0: zero_forcing(received, csi)}


@dataclass(frozen=True)
class Point:
    """Error rates of a test set at one operating point of the channel."""

    corpus: str
    channel: str
    es_n0_db: float
    utterances: int
    cer: float
    wer: float


def evaluate(
    model: str | Path,
    speech: Speech,
    kinds: Sequence[str],
    es_n0_db: Sequence[float],
    seed: int = 0,
    equaliser: str = "mmse",
) -> Iterator[Point]:
    """One point for each corpus in `speech`, channel kind and Es/N0; each utterance is encoded once."""
    transmitter, receiver = FramewiseEncoder(model), FramewiseDecoder(model)
    sent = [transmitter(speech[i])[0] for i in tqdm(range(len(speech)), "encoding", disable=None)]
    corpora: dict[str, list[int]] = {}
    for i, utterance in enumerate(speech.utterances):
        corpora.setdefault(utterance.key.split("/")[0], []).append(i)
    for kind in kinds:
        for snr in [np.inf] if kind == "none" else es_n0_db:
            for corpus, indices in corpora.items():
                texts = []
                for seq, i in enumerate(indices):  # seeded as the Block-Fading Channel block does it
                    met = channel.transmit(sent[i], kind, snr, np.random.default_rng([seed, seq]))
                    texts.append(greedy(receiver(*EQUALISERS[equaliser](*met)))[0])
                cer, wer = error_rates([speech.utterances[i].text for i in indices], texts)
                yield Point(corpus, kind, float(snr), len(indices), round(cer, 4), round(wer, 4))


def report(points: Iterator[Point], path: Path | None) -> None:
    """Prints the points as they come, and writes them as CSV."""
    print(f"{'corpus':18} {'channel':9} {'Es/N0':>6}  {'utts':>4}  {'CER':>6}  {'WER':>6}")
    rows = []
    for p in points:
        rows.append(asdict(p))
        place = f"{p.corpus:18} {p.channel:9} {p.es_n0_db:6g}"
        tqdm.write(f"{place}  {p.utterances:4}  {p.cer:6.4f}  {p.wer:6.4f}")
    if path is not None and rows:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    parser.add_argument("--model", default="default", help="a shipped model's name or a folder")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--channel", nargs="+", choices=channel.KINDS, default=["awgn", "rayleigh", "rician"])
    parser.add_argument("--snr", nargs="+", type=float, default=[-8, -4, -2, 0, 4, 8, 12, 20], help="Es/N0 in dB")
    parser.add_argument("--equaliser", choices=EQUALISERS, default="mmse")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path)


def run(args: argparse.Namespace) -> None:
    """Prints a line for each corpus and point."""
    (speech,) = splits(args.corpora, args.split)
    report(evaluate(args.model, speech, args.channel, args.snr, args.seed, args.equaliser), args.csv)
