"""Train the channel codec with context on written texts, behind channels of every kind."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import jiwer
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from gr_deepsc.codec.letters import letters
from gr_deepsc.codec.rates import RATES
from gr_deepsc.reader.said import Said
from gr_deepsc.text import WRITTEN

from ..codec.train import CHANNELS
from ..data.texts import held_out
from ..layers.channel import Received, mmse, transmit
from ..onnx_files.weights import read_graph
from ..training import options
from ..training.optimisation import device_of, straight
from ..training.options import WORK
from ..training.run import Plan, Run
from .lessons import batches
from .model import MOST, SYMBOLS, ContextualCodec, ContextualDims

RISE = (200, "steps")
BATCH = 10_000  # characters
VALID = 200  # passages held out
SHARES = (0.4, 0.25, 0.35)  # of the batches, by rate
LEAST_DB = (-13.0, -10.0, -7.0)  # Es/N0, by rate: where hardly anything can be read any more
HARD_DB = 9.0  # half of the texts are this much above it at the most: what is easy teaches little
MOST_DB = 20.0
BLOCKS = (64, 256)  # symbols that a fading coefficient holds for
# Energy of the known symbols by which a receiver estimates a coefficient, at the least: of a block's pilots, and of a
# whole burst's where nothing fades.
PILOTS, STATIC = 10.0, 300.0
VALIDATE = (
    (520, "awgn", -10.0), (520, "awgn", -8.0), (520, "rayleigh", -2.0), (260, "awgn", -5.0),
    (130, "awgn", -4.0), (130, "awgn", -2.0), (130, "rayleigh", 4.0), (130, "awgn", 20.0),
)  # fmt: skip


def stack(group: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Letters [batch, n, 75], zeros beyond a row's end, and how many each row has."""
    return pad_sequence(list(map(torch.from_numpy, group)), True), torch.tensor(list(map(len, group)))


def estimated(received: Received, block: int, least: float = PILOTS) -> Received:
    """The same with a coefficient that was estimated, by known symbols of energy `least` or more."""
    h, n0 = received.csi, received.n0
    blocks = -(-h.shape[1] // block)
    known = least * torch.empty(len(h), 1, device=h.device).uniform_(0, 1).reciprocal()
    variance = n0 / known
    error = torch.randn(len(h), blocks, dtype=torch.complex64, device=h.device)
    error = error.repeat_interleave(block, 1)[:, : h.shape[1]]
    return Received(received.symbols, h + variance.sqrt() * error, n0 + variance)


def across(
    codec: ContextualCodec,
    letters: Tensor,
    counts: Tensor,
    rate: int,
    kind: str,
    es_n0_db: Tensor | float,
    block: int = 128,
) -> Tensor:
    """Logits [batch, n, 75] behind a channel, interleaved over it as a burst is."""
    k, chosen = int(SYMBOLS[rate]), torch.tensor(rate, device=letters.device)
    sent = codec.encoder(letters, chosen, counts)[:, :, :k].flatten(1, 2)
    symbols = torch.view_as_complex(sent.contiguous())
    order = torch.randperm(symbols.shape[1], device=symbols.device)
    received = transmit(symbols[:, order], kind, es_n0_db, block)
    z, reliability = mmse(estimated(received, block, STATIC if kind == "awgn" else PILOTS))
    back = order.argsort()
    pairs = torch.view_as_real(z[:, back].contiguous()).unflatten(1, (-1, k))
    reliability = reliability[:, back].unflatten(1, (-1, k))
    unsent = MOST - k
    return codec.decoder(F.pad(pairs, (0, 0, 0, unsent)), F.pad(reliability, (0, unsent)), chosen, counts)


def distance(logits: Tensor, letters: Tensor, counts: Tensor) -> Tensor:
    """Mean cross-entropy, nats a character: the receiver shall be as sure of each as the sender was."""
    inside = torch.arange(letters.shape[1], device=letters.device) < counts[:, None]
    return -(letters * logits.float().log_softmax(-1)).sum(-1)[inside].mean()


def texts_in(logits: Tensor, counts: Tensor) -> list[str]:
    """The likeliest character of each place."""
    best = logits.argmax(-1).cpu()
    return [" ".join("".join((WRITTEN + " ")[c] for c in row[:n]).split()) for row, n in zip(best, counts, strict=True)]


@torch.inference_mode()
def error_rate(
    codec: ContextualCodec, texts: Sequence[str], rate: int, kind: str, es_n0_db: float, seed: int = 0
) -> float:
    """CER of texts, capitals and signs included, that were sent as sure."""
    found, device = [], device_of(codec)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for start in range(0, len(texts), 40):
            group = [letters(Said(text, np.ones(len(text), np.float32))) for text in texts[start : start + 40]]
            sent, counts = (x.to(device) for x in stack(group))
            found += texts_in(across(codec, sent, counts, rate, kind, es_n0_db), counts)
    return jiwer.cer(list(texts), found)


def train(
    plan: Plan,
    texts: Sequence[str],
    valid: Sequence[str],
    lr: float = 2e-3,
    initial: dict[str, Tensor] | None = None,
    dims: ContextualDims | None = None,
) -> ContextualCodec:
    """Returns the codec with averaged weights, on the CPU, set to evaluate.

    Rate, channel, its blocks, Es/N0 and what is known of the channel are drawn anew for every batch or row.
    """
    torch.manual_seed(plan.seed)
    codec = ContextualCodec(dims or ContextualDims())
    if initial is not None:
        codec.load_state_dict(initial)
    optimiser = torch.optim.AdamW(codec.parameters(), lr, betas=(0.9, 0.98), weight_decay=0.01)
    points = {f"{rate}_{kind}_{snr:g}": (list(RATES).index(rate), kind, snr) for rate, kind, snr in VALIDATE}
    run = Run(plan, {"codec": codec}, {"codec": optimiser}, ["codec"], ["nats", *points])
    source = batches(texts, BATCH, run.rng)

    def step() -> dict[str, Tensor]:
        sent, counts = (x.to(run.device) for x in stack(next(source)))
        rate, kind = int(run.rng.choice(len(RATES), p=SHARES)), CHANNELS[run.rng.integers(len(CHANNELS))]
        most = torch.where(torch.rand(len(counts)) < 0.5, LEAST_DB[rate] + HARD_DB, MOST_DB)
        es_n0_db = LEAST_DB[rate] + torch.rand(len(counts)) * (most - LEAST_DB[rate])
        block = int(run.rng.integers(*BLOCKS))
        with run.half_precision():
            logits = across(codec, sent, counts, rate, kind, es_n0_db, block)
        loss = distance(logits, sent, counts)
        run.descend("codec", loss)
        return {"nats": loss}

    def validate() -> dict[str, float]:
        return {name: error_rate(run.average("codec"), valid, *point) for name, point in points.items()}

    run.train(step, validate)
    return run.average("codec").cpu()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train contextual`."""
    parser.add_argument("texts", nargs="+", type=Path, help="as for `synthesise`")
    options.add_options(parser, WORK / "contextual", (60.0, "minutes"), 2e-3)
    parser.add_argument("--init", type=Path, metavar="DIR", help="start from encoder.onnx and decoder.onnx there")


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on."""
    plan = options.plan(args, RISE, straight)
    initial = None
    if args.init:
        encoder, decoder = (read_graph(args.init / f"{kind}.onnx") for kind in ("encoder", "decoder"))
        initial = {f"encoder.{key}": value for key, value in encoder.items()} | decoder
    train(plan, *held_out(args.texts, VALID, written_form=True), args.lr, initial)
