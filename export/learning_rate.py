"""Figure 4 of the paper: CTC loss of a semantic encoder, epoch by epoch, at one constant learning rate.

Adam without schedule, augmentation or averaging, as the paper trains. `deepsc bench fig4` runs it once for each rate.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from . import checkpoint
from .config import CONFIGS
from .data.audio import Speech
from .data.batches import Batch, collate, plan
from .data.corpora import load
from .models.recogniser import build, ctc_loss, frames_of
from .optimisation import descend

BATCH_SECONDS = 64


def loss_of(model: nn.Module, batch: Batch) -> torch.Tensor:
    """CTC loss a token of a batch."""
    with checkpoint.half_precision():
        logits = model(batch.waveform, batch.lengths)
    return ctc_loss(logits.float(), frames_of(batch.lengths), batch.tokens, batch.token_counts)


def mean_loss(model: nn.Module, speech: Speech) -> float:
    """The mean over utterances."""
    model.eval()
    groups = plan(speech.lengths, BATCH_SECONDS)
    with torch.inference_mode():
        losses = [loss_of(model, collate(speech, group)).item() for group in groups]
    return float(np.average(losses, weights=[len(group) for group in groups]))


def train(
    config: str, speech: Speech, valid: Speech, folder: Path, lr: float, epochs: int, seed: int
) -> None:
    """Trains for `epochs` in all; a run found in `folder` is resumed. Both losses of each epoch go to curve.csv."""
    torch.manual_seed(seed)
    model, done, path = build(CONFIGS[config].encoder), 0, folder / "last.pt"
    optimiser = torch.optim.Adam(model.parameters(), lr)
    if path.is_file():
        state = checkpoint.load(path)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        done = state["epoch"]
    log = checkpoint.Log(folder / "curve.csv", ["epoch", "loss", "valid_loss"])
    for epoch in tqdm(range(done + 1, epochs + 1), f"learning rate {lr:g}", disable=None):
        model.train()
        losses = []
        for group in plan(speech.lengths, BATCH_SECONDS, np.random.default_rng([seed, epoch])):
            loss = loss_of(model, collate(speech, group))
            descend(optimiser, loss, 2.0)
            losses.append(loss.item())
        log.write(
            epoch=epoch, loss=round(float(np.mean(losses)), 4), valid_loss=round(mean_loss(model, valid), 4)
        )
        checkpoint.save(
            path, {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "epoch": epoch}
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.learning_rate", description=__doc__)
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    parser.add_argument("--config", choices=CONFIGS, default="compact")
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=20.0, help="speech in an epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--cache", type=Path, default=Path("work/cache"), help="folder of decoded speech")
    args = parser.parse_args()
    torch.set_num_threads(1)
    utterances = [utterance for folder in args.corpora for utterance in load(folder)]
    parts = []
    for split, share in (("train", 1.0), ("valid", 0.25)):
        speech = Speech([u for u in utterances if u.split == split], args.cache)
        parts.append(speech.sample(share * args.minutes / 60, np.random.default_rng(args.seed)))
    train(args.config, *parts, args.out, args.lr, args.epochs, args.seed)


if __name__ == "__main__":
    main()
