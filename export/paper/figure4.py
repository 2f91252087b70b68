"""Train a semantic encoder at one constant learning rate, epoch by epoch: a curve of the paper's Figure 4.

Adam without schedule, augmentation or averaging, as the paper trains. `deepsc bench fig4` runs it once for each rate.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..data.audio import CACHE, Speech, splits
from ..data.batches import Batch, collate, grouped, on
from ..recogniser.config import CONFIGS, Config
from ..recogniser.model import build, ctc_loss, frames_of
from ..recogniser.train import LONGEST
from ..training import options
from ..training.optimisation import constant, device_of, half_precision
from ..training.run import Plan, Run

BATCH_SECONDS = 64


def loss_of(model: nn.Module, batch: Batch) -> Tensor:
    """CTC loss a token of a batch."""
    device = device_of(model)
    batch = on(device, batch)
    with half_precision(device):
        logits = model(batch.waveform, batch.lengths)
    return ctc_loss(logits.float(), frames_of(batch.lengths), batch.tokens, batch.token_counts)


def mean_loss(model: nn.Module, speech: Speech) -> float:
    """The mean over utterances."""
    model.eval()
    groups = grouped(speech.lengths, BATCH_SECONDS)
    with torch.inference_mode():
        losses = [loss_of(model, collate(speech, group)).item() for group in groups]
    return float(np.average(losses, weights=[len(group) for group in groups]))


def train(plan: Plan, config: Config, speech: Speech, valid: Speech, lr: float) -> Run:
    """A step of `plan` is an epoch; both losses of each go to log.csv."""
    torch.manual_seed(plan.seed)
    model = build(config.encoder)
    optimiser = torch.optim.Adam(model.parameters(), lr)
    fields, about = ["loss", "valid_loss"], {"config": config.name}
    run = Run(plan, {"recogniser": model}, {"all": optimiser}, ["recogniser"], fields, decay=0, about=about)

    def epoch() -> dict[str, float]:
        losses, rng = [], np.random.default_rng([plan.seed, run.steps + 1])
        for group in grouped(speech.lengths, BATCH_SECONDS, rng):
            loss = loss_of(model, collate(speech, group))
            run.descend("all", loss, LONGEST)
            losses.append(loss.item())
        run.hours += speech.seconds / 3600
        return {"loss": float(np.mean(losses))}

    run.train(epoch, lambda: {"valid_loss": mean_loss(run.average("recogniser"), valid)})
    return run


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `paper figure4`."""
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    parser.add_argument("--config", choices=CONFIGS, default="compact")
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=20.0, help="speech in an epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of decoded speech")
    options.add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on, until there are so many epochs."""
    options.use(args)
    plan = Plan(args.out, (args.epochs, "steps"), fall=constant, save_every=(1, "steps"), seed=args.seed,
                device=args.device)  # fmt: skip
    parts = splits(args.corpora, "train", "valid", cache=args.cache)
    hours = (args.minutes / 60, args.minutes / 60 / 4)
    speech, valid = (part.sample(h, np.random.default_rng(args.seed)) for part, h in zip(parts, hours, strict=True))
    train(plan, CONFIGS[args.config], speech, valid, args.lr)
