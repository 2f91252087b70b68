"""Training Tacotron 2: attention is first held where each letter is spoken, and learns to go there.

Where that is, the recogniser's CTC (`acoustic.align`) and the shipped acoustic model's encoder (`acoustic.realign`)
say. Short sentences and synthetic speech come first, then the real voices alone, as in `acoustic.train`.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gr_deepsc.voice.files import VOICE

from ...data.texts import sentences
from ...layers.recurrent import valid_mask
from ...training import checkpoint, options
from ...training.options import WORK
from ...training.run import Plan, Run
from ..acoustic import phones
from ..acoustic.export import read_acoustic
from ..acoustic.model import parameters, soft_alignment
from ..acoustic.realign import refine
from ..batches import Batch, collate, epochs, groups, text_batch
from ..mel import FRAME_RATE
from ..spoken import Spoken, Voices, begin, corpora
from .losses import guided_attention_loss, path_loss, tacotron_loss
from .model import COMPACT, PAPER, Tacotron

CONFIGS = {"compact": COMPACT, "paper": PAPER}
LR = 1e-3
FRAMES = 4000  # of mel in a batch, padding included: 64 s
RISE = (100, "steps")
SHORT = 160  # mel frames, 2.6 s: no longer sentences when the run begins
ALL_LENGTHS = 0.15  # of the run: from here on every sentence
HELD_UNTIL = 0.35  # of the run: attention is on the alignment, all steps at once, twice as fast
ALONE_FROM = 0.85  # of the run: in between it is led there less and less
SYNTHETIC = 0.7  # share of synthetic speech when the run begins
REAL_ONLY = 0.6  # of the run
TEXT_EVERY = 4  # batches: one of them with pronunciations of plain text beside the spectrograms
TEXTS = 12  # sentences in such a batch
READ_ALOUD = 6  # held-out sentences that are spoken freely, to see whether attention reads
WEIGHTS = {"mel": 1.0, "stop": 0.5, "path": 0.5, "diagonal": 0.5, "phones": 0.1}


def normalised(model: Tacotron, batch: Batch) -> Tensor:
    """The mels that `model` shall make, [batch, steps * reduction, mels], 0 behind the end."""
    mel = (batch.mel - model.mel_mean) / model.mel_scale
    mel = mel * valid_mask(batch.frames, mel.shape[1])[..., None]
    return nn.functional.pad(mel, (0, 0, 0, -mel.shape[1] % model.dims.reduction))


def losses(model: Tacotron, batch: Batch, lead: float) -> dict[str, Tensor]:
    """By the names of `WEIGHTS`; `lead`: how far attention goes where the durations say, whatever it learns."""
    target, reduction = normalised(model, batch), model.dims.reduction
    steps = -(-batch.frames // reduction)
    path, _ = soft_alignment(batch.durations, int(steps.max()), reduction)
    first, after, stops, weights = model(batch.tokens, batch.speakers, batch.counts, target, path, lead)
    mel, stop = tacotron_loss(first.float(), after.float(), stops.float(), target, batch.frames, reduction)
    return {
        "mel": mel,
        "stop": stop,
        "path": path_loss(weights, path, steps),
        "diagonal": guided_attention_loss(weights, batch.counts, steps),
    }


@torch.inference_mode()
def validate(model: Tacotron, items: Sequence[Spoken], pitch: list[tuple[float, float]]) -> tuple[float, float]:
    """Under teacher forcing: mean absolute mel error (natural log), and the share of steps in which attention is
    on the token that the alignment has there, or on a neighbour."""
    error = frames = hits = steps = 0.0
    reduction = model.dims.reduction
    for group in groups(items, 6000):
        batch = collate(group, pitch, model.mel_mean.device)
        target = normalised(model, batch)
        _, mel, _, weights = model(batch.tokens, batch.speakers, batch.counts, target)
        inside = valid_mask(batch.frames, target.shape[1])
        error += float(((mel - target).abs() * model.mel_scale).mean(2)[inside].sum())
        frames += float(batch.frames.sum())
        for looked_at, item in zip(weights.argmax(2).cpu().numpy(), group, strict=True):
            owner = np.repeat(np.arange(len(item.tokens)), item.durations)[reduction // 2 :: reduction]
            hits += float((np.abs(looked_at[: len(owner)] - owner) <= 1).sum())
            steps += len(owner)
    return error / frames, hits / steps


def read_aloud(model: Tacotron, items: Sequence[Spoken]) -> tuple[float, float]:
    """Of freely spoken texts: the share of tokens that attention was on, and the length against the recording's."""
    visited = tokens = spoken = recorded = 0
    for item in items:
        mel, weights = model.speak(torch.from_numpy(item.tokens), item.speaker)
        visited += len(set(weights.argmax(1).tolist()))
        tokens += len(item.tokens)
        spoken += len(mel)
        recorded += item.frames
    return visited / tokens, spoken / recorded


class Training:
    """A run, resumed if its folder has one; `train()` goes on with it until its budget is used up.

    Attributes:
        run: best.pt has the latest `tacotron`: as long as attention is led, errors of reading alone say little.
    """

    def __init__(
        self,
        plan: Plan,
        model: Tacotron,
        voices: Voices,
        words: phones.Pronunciations | None = None,
        lr: float = LR,
        frames: int = FRAMES,
    ):
        """`words` to learn pronunciation from; `frames` of mel in a batch, padding included."""
        self.voices, self.words, self.model = voices, words, model
        self.phones = nn.Linear(model.dims.width, 2 * (phones.BLANK + 1))
        weights = [*model.parameters(), *self.phones.parameters()]
        optimiser = torch.optim.AdamW(weights, lr, betas=(0.9, 0.98), eps=1e-6, weight_decay=1e-3)
        self.run = Run(
            plan,
            {"tacotron": model, "phones": self.phones},
            {"all": optimiser},
            averaged=["tacotron", "phones"],
            fields=["loss", *WEIGHTS, "valid_mel", "valid_hit", "read", "length"],
            about={"dims": asdict(model.dims), "speakers": voices.speakers},
        )
        self._batches = epochs(self.suitable, voices.lent, self.synthetic_share, frames, self.run.rng)

    def synthetic_share(self) -> float:
        """Of what is trained on now."""
        return SYNTHETIC * max(0.0, 1 - self.run.done / REAL_ONLY)

    def lead(self) -> float:
        """How far attention is led along the alignment, 1 to 0."""
        return min(1.0, max(0.0, (ALONE_FROM - self.run.done) / (ALONE_FROM - HELD_UNTIL)))

    def suitable(self) -> list[Spoken]:
        """What is short enough by now."""
        share = self.run.done / ALL_LENGTHS
        longest = SHORT / max(1e-6, 1 - share) if share < 1 else math.inf
        return [item for item in self.voices.train if item.frames <= longest]

    def train(self) -> None:
        """Until the budget is used up."""
        self.run.train(self._step, self._validate)

    def _step(self) -> dict[str, Tensor]:
        run, words, items = self.run, self.words, next(self._batches)
        batch = collate(items, self.voices.pitch, run.device)
        run.hours += sum(item.frames for item in items) / FRAME_RATE / 3600
        with run.half_precision():
            found = losses(self.model, batch, self.lead())
            if words is not None and run.steps % TEXT_EVERY == 0:
                texts = words.sample(TEXTS, run.rng)
                tokens, counts = text_batch(texts, run.device)
                logits = self.phones(self.model.encoder(tokens, counts)).unflatten(2, (2, -1)).flatten(1, 2)
                known = [words.phones(text) for text in texts]
                found["phones"] = phones.ctc_loss(logits, counts, known)
        loss = sum(WEIGHTS[name] * value for name, value in found.items())
        run.descend("all", loss)
        return {"loss": loss, **found}

    def _validate(self) -> dict[str, float]:
        model, valid = self.run.average("tacotron"), self.voices.valid
        error, hit = validate(model, valid, self.voices.pitch)
        read, length = read_aloud(model, valid[:: max(1, len(valid) // READ_ALOUD)])
        return {"valid_mel": error, "valid_hit": hit, "read": read, "length": length}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `train tacotron`."""
    parser.add_argument("corpora", nargs="+", type=Path, help="folders with metadata.csv and wavs/")
    parser.add_argument("--config", choices=CONFIGS, default="compact")
    options.add_options(parser, f"{WORK}/tacotron-CONFIG", (75.0, "minutes"), LR)
    parser.add_argument("--init", type=Path, metavar="DIR", help="start from the weights of another run's folder")
    parser.add_argument("--texts", nargs="*", type=Path, default=[], help="more text to learn pronunciation from")
    parser.add_argument(
        "--align", type=Path, default=VOICE / "acoustic.onnx", help="exported acoustic model that sharpens alignments"
    )
    parser.add_argument("--cache", type=Path, default=WORK / "cache")
    parser.add_argument("--frames", type=int, default=FRAMES, help="mel frames in a batch")


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on with, the run in `args.out`."""
    plan = options.plan(args, rise=RISE, out=WORK / f"tacotron-{args.config}")
    initial = checkpoint.best(args.init).networks["tacotron"] if args.init else None
    voices = corpora(args.corpora, args.cache)
    moved = refine(read_acoustic(args.align), [*voices.train, *voices.valid])
    print(f"realigned: a cut moved by {moved:.2f} mel frames in the mean", flush=True)
    words = phones.Pronunciations([i.text for i in voices.train] + [t for p in args.texts for t in sentences(p)])
    dims = replace(CONFIGS[args.config], speakers=len(voices.speakers))
    training = Training(plan, begin(Tacotron(dims), voices, initial), voices, words, args.lr, args.frames)
    print(f"{parameters(training.model):,} parameters, users {dict(enumerate(voices.speakers))}")
    training.train()
