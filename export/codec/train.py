"""Train the channel codec on cached features: the semantic encoder is fixed, the channel drawn per batch."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from gr_deepsc.framing import HOP

from ..data.audio import splits
from ..data.batches import grouped, targets
from ..layers.channel import mmse, transmit, zero_forcing
from ..onnx_files.weights import part, read_weights
from ..recogniser.config import CONFIGS, CodecDims
from ..recogniser.features import Features, cached
from ..recogniser.model import ctc_loss, distillation_loss
from ..recogniser.train import latest, load
from ..training import options
from ..training.metrics import error_rates, greedy_texts
from ..training.optimisation import device_of, pick_device, straight
from ..training.options import WORK
from ..training.run import Plan, Run
from .model import Codec

CHANNELS = ("awgn", "rayleigh", "rician")
ES_N0_DB = (-10.0, 20.0)  # drawn uniformly, one figure a row
BATCH_SECONDS = 240
RISE, SAVE_EVERY = (50, "steps"), (250, "steps")
VALIDATE = (("awgn", 20.0), ("awgn", -2.0), ("awgn", -8.0), ("rayleigh", 8.0), ("rician", 8.0))
PAPER_CHANNEL = ("rician", 8.0)  # dB: what the paper calls its robust model (section V)


def batches(features: Features, rng: np.random.Generator) -> Iterator[tuple[list[np.ndarray], list[str]]]:
    """Endless batches of features of similar length, and their texts."""
    lengths = HOP * np.array([len(p) for p in features.probabilities])
    while True:
        for group in grouped(lengths, BATCH_SECONDS, rng):
            yield [features.probabilities[i] for i in group], [features.texts[i] for i in group]


def padded(probabilities: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """P [batch, frames, 29] with zeros beyond each row's end, and the rows' frames."""
    rows = [torch.from_numpy(p.astype(np.float32)) for p in probabilities]
    return pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])


def across(codec: Codec, rows: Tensor, frames: Tensor, kind: str, es_n0_db: Tensor | float, equaliser=mmse) -> Tensor:
    """P [batch, frames, 29] through encoder, channel and decoder: logits of the same shape."""
    symbols = torch.view_as_complex(codec.encoder(rows, frames))
    z, reliability = equaliser(transmit(symbols, kind, es_n0_db))
    return codec.decoder(torch.view_as_real(z), reliability, frames)


def texts_across(codec: Codec, features: Features, kind: str, es_n0_db: float, equaliser=mmse) -> list[str]:
    """The text of every utterance after the channel."""
    codec.eval()
    texts, device = [""] * len(features.texts), device_of(codec)
    lengths = HOP * np.array([len(p) for p in features.probabilities])
    with torch.inference_mode():
        for group in grouped(lengths, 600):
            rows, frames = (x.to(device) for x in padded([features.probabilities[i] for i in group]))
            found = greedy_texts(across(codec, rows, frames, kind, es_n0_db, equaliser), frames)
            for i, text in zip(group, found, strict=True):
                texts[i] = text
    return texts


def train(
    plan: Plan,
    dims: CodecDims,
    features: Features,
    valid: Features,
    lr: float = 2e-3,
    fixed: tuple[str, float] | None = None,
    initial: dict[str, Tensor] | None = None,
) -> Codec:
    """Algorithm 1 of the paper on cached features; returns the codec on the CPU, set to evaluate.

    Args:
        dims: of the codec; without reliability inputs it is trained as in the paper, by zero forcing.
        features, valid: cached P of the two splits.
        fixed: one channel kind and Es/N0 in dB instead of random ones.
        initial: weights to start from.
    """
    torch.manual_seed(plan.seed)
    equaliser = mmse if dims.reliability else zero_forcing
    codec = Codec(dims)
    if initial is not None:
        codec.load_state_dict(initial)
    optimiser = torch.optim.AdamW(codec.parameters(), lr, weight_decay=1e-3)
    points = {f"{kind}_{snr:g}": (kind, snr) for kind, snr in VALIDATE}
    run = Run(plan, {"codec": codec}, {"codec": optimiser}, ["codec"], ["loss", *points], decay=0)
    source = batches(features, run.rng)

    def step() -> dict[str, Tensor]:
        probabilities, texts = next(source)
        rows, frames, tokens, counts = (x.to(run.device) for x in (*padded(probabilities), *targets(texts)))
        kind = CHANNELS[run.rng.integers(len(CHANNELS))] if fixed is None else fixed[0]
        snr = torch.empty(len(texts)).uniform_(*ES_N0_DB) if fixed is None else fixed[1]
        logits = across(codec, rows, frames, kind, snr, equaliser)
        loss = ctc_loss(logits, frames, tokens, counts)
        loss = loss + distillation_loss(logits, (rows + 1e-6).log(), frames)
        run.descend("codec", loss)
        return {"loss": loss}

    def validate() -> dict[str, float]:
        average = run.average("codec")
        return {
            name: error_rates(valid.texts, texts_across(average, valid, *point, equaliser))[0]
            for name, point in points.items()
        }

    run.train(step, validate)
    return run.average("codec").cpu()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train codec`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    parser.add_argument("--config", choices=CONFIGS, default="pretrained")
    options.add_options(parser, f"{WORK}/CONFIG/codec", (2000, "steps"), 3e-3)
    parser.add_argument(
        "--recogniser", type=Path, metavar="RUN", help=f"whose features (default: of {WORK}/CONFIG the latest)"
    )
    parser.add_argument("--init", metavar="MODEL", help="start from a shipped model's codec, or one in a folder")
    parser.add_argument("--feature-hours", type=float, default=4.0, help="speech to take features from")
    parser.add_argument("--paper-channel", action="store_true", help="Rician at 8 dB only, as in the paper")


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on."""
    home = WORK / args.config
    plan = options.plan(args, RISE, straight, SAVE_EVERY, home / "codec")
    config, recogniser = load(args.recogniser or latest(home))
    recogniser.to(pick_device(args.device))
    rng = np.random.default_rng(args.seed)
    speech, valid = splits(args.corpora, "train", "valid")
    speech = speech.sample(args.feature_hours, rng)
    train(
        plan,
        config.codec,
        cached(plan.folder / "features-train.npz", recogniser, speech, rng),
        cached(plan.folder / "features-valid.npz", recogniser, valid),
        args.lr,
        PAPER_CHANNEL if args.paper_channel else None,
        part(read_weights(args.init), "codec") if args.init else None,
    )
