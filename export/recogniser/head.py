"""Train the head of the pretrained recogniser on its encoder's cached states: several times as fast as the whole."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gr_deepsc.framing import FRAME_RATE

from ..data.audio import CACHE, splits
from ..data.augment import change_speed, degrade
from ..data.batches import grouped, targets
from ..onnx_files.weights import part, read_weights
from ..training import options
from ..training.metrics import error_rates, greedy_texts
from ..training.optimisation import device_of, pick_device
from ..training.options import WORK
from ..training.run import Plan, Run
from .config import CONFIGS
from .model import WhisperRecogniser, build, ctc_loss
from .states import Change, States, logits
from .train import LONGEST, load

CONFIG = "pretrained"
MASKED = 0.06  # share of the state pairs that are zeroed in training, in stretches
STRETCH = 4
WARM_UP = 0.02  # of the run


def augmentation(rng: np.random.Generator) -> Change:
    """Another augmentation of every recording it is given."""
    return lambda samples: degrade(change_speed(samples, rng), rng)


def validate(model: WhisperRecogniser, valid: States) -> dict[str, float]:
    """CER and WER of the head on cached states."""
    model.eval()
    truths, texts, device = [], [], device_of(model)
    with torch.inference_mode():
        for group in grouped(valid.lengths, 240):
            pairs, frames, truth = valid.batch(group)
            texts += greedy_texts(logits(model, pairs.to(device), frames.to(device)), frames)
            truths += truth
    cer, wer = error_rates(truths, texts)
    return {"valid_cer": cer, "valid_wer": wer}


def endless(states: list[States], seconds: float, rng: np.random.Generator) -> Iterator[tuple]:
    """Batches of at most `seconds` of all sets together, without end, as `States.batch` gives them."""
    while True:
        groups = [(s, group) for s in states for group in grouped(s.lengths, seconds, rng)]
        for k in rng.permutation(len(groups)):
            yield groups[k][0].batch(groups[k][1])


def train(
    plan: Plan, model: WhisperRecogniser, states: list[States], valid: States, lr: float, batch_seconds: float = 64.0
) -> Run:
    """Trains the head of `model`; the encoder stays as it is, and so does best.pt until the head is better."""
    head = [p for name, p in model.named_parameters() if not name.startswith("encoder.")]
    optimiser = torch.optim.AdamW(head, lr, weight_decay=0.01)
    fields = ["loss", "valid_cer", "valid_wer"]
    about = {"config": CONFIG}
    run = Run(plan, {"recogniser": model}, {"head": optimiser}, ["recogniser"], fields, "valid_cer", about=about)
    if not run.steps:
        run.best = validate(run.average("recogniser"), valid)["valid_cer"]
    source = endless(states, batch_seconds, run.rng)

    def step() -> dict[str, Tensor]:
        pairs, frames, texts = next(source)
        run.hours += float(frames.sum()) / FRAME_RATE / 3600
        stretches = torch.rand(len(pairs), pairs.shape[1] // STRETCH + 1).repeat_interleave(STRETCH, 1)
        pairs = pairs * (stretches[:, : pairs.shape[1], None] >= MASKED)
        pairs, frames, tokens, counts = (x.to(run.device) for x in (pairs, frames, *targets(texts)))
        loss = ctc_loss(logits(model, pairs, frames), frames, tokens, counts)
        run.descend("head", loss, LONGEST)
        return {"loss": loss}

    run.train(step, lambda: validate(run.average("recogniser"), valid))
    return run


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train head`."""
    folder = WORK / CONFIG
    parser.add_argument("corpora", nargs="+", help="folders with metadata.csv and wavs/")
    options.add_options(parser, folder / "head", (36.0, "hours"), 1e-3)
    parser.add_argument(
        "--recogniser", type=Path, default=folder / "recogniser", metavar="RUN", help="whose head it is"
    )
    parser.add_argument("--init", metavar="MODEL", help="that of a shipped model, or of a folder with its .onnx files")
    parser.add_argument("--batch-seconds", type=float, default=64.0)
    parser.add_argument("--augmented", type=int, default=0, help="augmented copies of the recordings to add")


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on."""
    plan = options.plan(args, (WARM_UP * args.hours, "hours"), save_every=(2.0, "minutes"))
    if args.init:
        model = build(CONFIGS[CONFIG].encoder)
        model.load_state_dict(part(read_weights(args.init), "recogniser"), strict=False)
    else:
        _, model = load(args.recogniser)
    model.to(pick_device(args.device))
    changes = [None, *(augmentation(np.random.default_rng([args.seed, k + 1])) for k in range(args.augmented))]
    cached = [
        States(model, splits([corpus], "train")[0], CACHE, str(copy), change)
        for corpus in args.corpora
        for copy, change in enumerate(changes)
    ]
    held_out = States(model, splits(args.corpora, "valid")[0], CACHE)
    train(plan, model, cached, held_out, args.lr, args.batch_seconds)
