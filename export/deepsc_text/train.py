"""Train the text transformer of SR+DeepSC through the channel."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from gr_deepsc.text import ALPHABET

from ..codec.train import CHANNELS, ES_N0_DB
from ..data.texts import held_out
from ..layers.channel import mmse, transmit
from ..training import options
from ..training.metrics import error_rates
from ..training.optimisation import device_of, straight
from ..training.options import WORK
from ..training.run import Plan, Run
from .model import START, TextDims, TextTransformer, spelling_loss
from .texts import batches, padded

OUT = WORK / "deepsc-text"
RISE = (200, "steps")
BATCH = 2_000  # characters: the alignment of text and symbols takes many updates to be found, not large ones
EASY = 0.25  # of the run, in which the least Es/N0 falls to that of `ES_N0_DB`
VALID = 16  # sentences: spelling them takes a second each
VALIDATE = (("awgn", 20.0), ("awgn", -2.0), ("rayleigh", 8.0))


def across(model: TextTransformer, tokens: Tensor, counts: Tensor, kind: str, es_n0_db: Tensor | float) -> Tensor:
    """Tokens [batch, n] over the channel, its state known: what the decoder attends to, [batch, n, width]."""
    symbols = torch.view_as_complex(model.send(tokens, counts).contiguous())
    z, reliability = mmse(transmit(symbols, kind, es_n0_db))
    return model.hear(torch.view_as_real(z), reliability)


@torch.inference_mode()
def received(model: TextTransformer, texts: Sequence[str], kind: str, es_n0_db: float) -> list[str]:
    """Texts over the channel, spelled character after character; the receiver knows how many there are."""
    tokens, counts = (x.to(device_of(model)) for x in padded(texts))
    memory = across(model, tokens, counts, kind, es_n0_db)
    prefix = torch.full((len(texts), 1), START, device=tokens.device)
    for _ in range(tokens.shape[1]):
        best = model.spell(prefix, memory, counts)[:, -1].argmax(1)
        prefix = torch.cat([prefix, best[:, None]], 1)
    rows = zip(prefix[:, 1:].tolist(), counts.tolist(), strict=True)
    return ["".join(ALPHABET[i] for i in row[:count]) for row, count in rows]


def train(plan: Plan, texts: Sequence[str], valid: Sequence[str], lr: float = 1e-3) -> TextTransformer:
    """Returns the model with averaged weights, on the CPU, set to evaluate.

    Channel and Es/N0 are drawn as for the speech codec.
    """
    torch.manual_seed(plan.seed)
    model = TextTransformer(TextDims())
    optimiser = torch.optim.AdamW(model.parameters(), lr, betas=(0.9, 0.98), weight_decay=0.01)
    points = {f"{kind}_{snr:g}": (kind, snr) for kind, snr in VALIDATE}
    about = {"dims": asdict(model.dims)}
    run = Run(plan, {"text": model}, {"text": optimiser}, ["text"], ["nats", *points], about=about)
    source = batches(texts, BATCH, run.rng)

    def step() -> dict[str, Tensor]:
        tokens, counts = (x.to(run.device) for x in padded(next(source)))
        kind = CHANNELS[run.rng.integers(len(CHANNELS))]
        least, most = ES_N0_DB
        least = max(least, most - (most - least) * run.done / EASY)
        es_n0_db = torch.empty(len(tokens)).uniform_(least, most)
        with run.half_precision():
            memory = across(model, tokens, counts, kind, es_n0_db)
            logits = model.spell(F.pad(tokens, (1, 0), value=START)[:, :-1], memory, counts)
        loss = spelling_loss(logits, tokens, counts)
        run.descend("text", loss)
        return {"nats": loss}

    def validate() -> dict[str, float]:
        average = run.average("text")
        return {k: error_rates(valid, received(average, valid, *point))[0] for k, point in points.items()}

    run.train(step, validate)
    return run.average("text").cpu()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train deepsc-text`."""
    parser.add_argument("texts", nargs="+", type=Path, help="as for `synthesise`")
    options.add_options(parser, OUT, (30.0, "minutes"), 1e-3)


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on."""
    plan = options.plan(args, RISE, straight)
    train(plan, *held_out(args.texts, VALID), args.lr)
