"""Train the language model that helps the beam decoder to spell, written English and small letters alone."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gr_deepsc.text import WRITTEN
from gr_deepsc.text import encode as numbered

from ..data.batches import by_length
from ..data.texts import held_out, plain_letters
from ..onnx_files.weights import read_graph
from ..training import options
from ..training.optimisation import device_of, straight
from ..training.options import WORK
from ..training.run import Plan, Run
from .model import START, LanguageDims, LanguageModel

OUT = WORK / "language"
RISE, SAVE_EVERY = (100, "steps"), (2.0, "minutes")
BATCH = 6_000  # characters
VALID = 400  # sentences
PADDING = -100
PLAIN = 0.3  # share in small letters without signs: what a reader by CTC writes


def padded(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """What is known, int64 [batch, n], and what comes next; texts end where their words do, not in a sign."""
    rows = [torch.tensor([START, *numbered(text, WRITTEN)]) for text in texts]
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)
    return tokens[:, :-1].clamp_min(0), tokens[:, 1:]


def batches(texts: Sequence[str], characters: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Endless batches of sentences of similar length; half of them begin in their midst, some are plain."""
    while True:
        chosen = [texts[i] for i in rng.permutation(len(texts))[:4096]]
        chosen = [t.split(" ", int(rng.integers(8)))[-1] if rng.random() < 0.5 else t for t in chosen]
        chosen = [plain_letters(t) or t if rng.random() < PLAIN else t for t in chosen]
        yield from by_length(chosen, len, characters, rng)


@torch.inference_mode()
def nats(model: LanguageModel, texts: Sequence[str]) -> float:
    """Mean -ln p of a character."""
    total, count, device = 0.0, 0, device_of(model)
    for start in range(0, len(texts), 50):
        known, wanted = (x.to(device) for x in padded(texts[start : start + 50]))
        total += float(F.cross_entropy(model(known).flatten(0, 1), wanted.flatten(), reduction="sum"))
        count += int((wanted != PADDING).sum())
    return total / count


def train(
    plan: Plan, texts: Sequence[str], valid: Sequence[str], lr: float = 2e-3, initial: dict[str, Tensor] | None = None
) -> LanguageModel:
    """Returns the model with averaged weights, on the CPU, set to evaluate."""
    torch.manual_seed(plan.seed)
    model = LanguageModel(LanguageDims())
    if initial is not None:
        model.load_state_dict(initial)
    optimiser = torch.optim.AdamW(model.parameters(), lr, betas=(0.9, 0.98), weight_decay=0.01)
    run = Run(plan, {"language": model}, {"language": optimiser}, ["language"], ["nats", "valid_nats"])
    source = batches(texts, BATCH, run.rng)

    def step() -> dict[str, Tensor]:
        known, wanted = (x.to(run.device) for x in padded(next(source)))
        with run.half_precision():
            logits = model(known)
        loss = F.cross_entropy(logits.float().flatten(0, 1), wanted.flatten())
        run.descend("language", loss)
        return {"nats": loss}

    run.train(step, lambda: {"valid_nats": nats(run.average("language"), valid)})
    return run.average("language").cpu()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train language`."""
    parser.add_argument("texts", nargs="+", type=Path, help="as for `synthesise`")
    options.add_options(parser, OUT, (20.0, "minutes"), 2e-3)
    parser.add_argument("--init", type=Path, metavar="ONNX", help="start from this file")


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on."""
    plan = options.plan(args, RISE, straight, SAVE_EVERY)
    initial = {key.removeprefix("model."): value for key, value in read_graph(args.init).items()} if args.init else None
    train(plan, *held_out(args.texts, VALID, written_form=True), args.lr, initial)
