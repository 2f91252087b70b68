"""Training text -> mel: pronunciation first, then the spectrograms of all voices together, realigned on the way.

User IDs are the speakers in the order in which the corpora bring them. Speakers called `flite_...` are synthetic: they
teach words that the recordings lack, and their share of what is trained on falls to nothing towards the end.

Where the recordings of all users are at hand, another user is another folder behind theirs, and `--init` starts from
the shipped weights; `voice register` adds a user without the others' recordings.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from ...data.texts import sentences
from ...layers.recurrent import valid_mask
from ...onnx_files.weights import read_graph
from ...training import options
from ...training.options import WORK
from ...training.run import Plan, Run
from ..batches import Batch, collate, epochs, groups, text_batch
from ..mel import FRAME_RATE
from ..spoken import Spoken, Voices, begin, corpora
from . import phones, realign
from .losses import Heads, duration_loss, mel_loss
from .model import Acoustic, AcousticDims, parameters

RISE = (100, "steps")
TEXT_UNTIL = 0.6  # of the run: until here some pronunciation beside the spectrograms
TEXT_EVERY = 4  # batches of spectrograms
SYNTHETIC = (0.7, 0.0)  # share of synthetic speech when spectrograms begin, and from REAL_ONLY on
REAL_ONLY = 0.75  # of the run
WEIGHTS = {"mel": 1.0, "duration": 0.3, "pitch": 0.1, "mean": 0.1, "phones": 0.1}


@dataclass(frozen=True)
class Course:
    """What is taught when, and how much at once."""

    lr: float = 1e-3
    frames: int = 3000  # of mel in a batch, padding included: 48 s
    texts: int = 12  # sentences in a batch of pronunciation; three times as many before the spectrograms
    text_first: float = 0.07  # of the run: only pronunciation, which no spectrogram has to be computed for
    realign_at: tuple[float, ...] = (0.22, 0.45)  # of the run
    eager: float = 1.0  # how much faster the table of speakers learns than the rest


def speak(model: Acoustic, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Encoder states without and with the speaker; normalised mels before and after the post-net, true prosody."""
    plain, x = model.states(batch.tokens, batch.speakers, batch.counts)
    steps = int(batch.steps.max())
    return plain, x, *model.decode(x, batch.durations, batch.pitch, batch.counts, steps, batch.steps)


def losses(model: Acoustic, heads: Heads, batch: Batch, known: Sequence[list[int] | None]) -> dict[str, Tensor]:
    """By the names of `WEIGHTS`; `known`: the phones of each text where they are."""
    plain, x, before, after = speak(model, batch)
    valid = valid_mask(batch.counts, batch.tokens.shape[1])
    prosody = model.prosody(x, valid[..., None])
    target = (batch.mel - model.mel_mean) / model.mel_scale
    # each token's mean mel, over its own frames: what realigning compares the frames with
    owner = torch.arange(valid.numel(), device=valid.device).repeat_interleave(batch.durations.flatten().long())
    guess = heads.mean(x).flatten(0, 1)[owner]  # [all frames, mels]
    return {
        "mel": mel_loss(before, after, target, batch.frames),
        "duration": duration_loss(prosody.log_duration, batch.durations, batch.counts),
        "pitch": F.mse_loss(prosody.pitch[valid], batch.pitch[valid]),
        "mean": F.mse_loss(guess, target[valid_mask(batch.frames, target.shape[1])]),
        "phones": phones.ctc_loss(heads.phone_logits(plain), batch.counts, known),
    }


@torch.inference_mode()
def realign_all(model: Acoustic, heads: Heads, items: Sequence[Spoken]) -> float:
    """New durations from the network's own guess of each token's mel; returns the mean move of a cut in frames."""
    mean, scale = model.mel_mean.cpu().numpy(), model.mel_scale.cpu().numpy()
    moved, cuts, device = 0.0, 0, model.mel_mean.device
    for item in tqdm(items, "realigning", unit="utt", disable=None):
        tokens, speaker = torch.from_numpy(item.tokens)[None], torch.tensor([item.speaker])
        _, x = model.states(tokens.to(device), speaker.to(device))
        moved += realign.cut(item, heads.mean(x)[0].cpu().numpy(), (item.mel - mean) / scale)
        cuts += len(item.tokens)
    return moved / cuts


@torch.inference_mode()
def validate(
    model: Acoustic, items: Sequence[Spoken], pitch: list[tuple[float, float]]
) -> tuple[float, float, dict[int, float]]:
    """How well `model` speaks recordings whose speakers' `pitch` is so.

    Returns:
        Mean absolute mel error (nepers) under true prosody, that of durations in frames, and real / predicted length of
        each speaker's speech as predicted without `stretch`.
    """
    error = frames = moved = tokens = 0.0
    real, predicted = {}, {}
    for group in groups(items, 6000):
        batch = collate(group, pitch, model.mel_mean.device)
        _, x, _, mel = speak(model, batch)
        mel = mel * model.mel_scale + model.mel_mean
        inside = valid_mask(batch.frames, batch.mel.shape[1])
        error += float((mel - batch.mel).abs().mean(2)[inside].sum())
        frames += float(batch.frames.sum())
        valid = valid_mask(batch.counts, batch.tokens.shape[1])
        guess = model.prosody(x, valid[..., None]).log_duration.exp() * valid
        moved += float((guess - batch.durations).abs()[valid].sum())
        tokens += float(valid.sum())
        lengths = batch.durations.sum(1).tolist(), guess.sum(1).tolist()
        for speaker, wanted, given in zip(batch.speakers.tolist(), *lengths, strict=True):
            real[speaker] = real.get(speaker, 0.0) + wanted
            predicted[speaker] = predicted.get(speaker, 0.0) + given
    return error / frames, moved / tokens, {speaker: real[speaker] / predicted[speaker] for speaker in real}


class Training:
    """A run, resumed if its folder has one; `train()` goes on with it until its budget is used up.

    Attributes:
        run: best.pt has `acoustic`, by the least mel error, and the heads.
        voices: realigned on the way.
    """

    def __init__(
        self,
        plan: Plan,
        model: Acoustic,
        voices: Voices,
        words: phones.Pronunciations | None = None,
        course: Course | None = None,
    ):
        """`words` to learn pronunciation from; without them the recordings alone teach it."""
        self.voices, self.words, self.course = voices, words, course or Course()
        self.model, self.heads = model, Heads(model.dims)
        table = model.speaker.weight
        rest = [w for w in (*model.parameters(), *self.heads.parameters()) if w is not table]
        fast = {"params": [table], "lr": self.course.lr * self.course.eager}
        optimiser = torch.optim.AdamW([{"params": rest}, fast], self.course.lr, betas=(0.9, 0.98), weight_decay=0.01)
        self.run = Run(
            plan,
            {"acoustic": model, "heads": self.heads},
            {"all": optimiser},
            averaged=["acoustic", "heads"],
            fields=["loss", *WEIGHTS, "valid_mel", "valid_duration"],
            best="valid_mel",
            about={"dims": asdict(model.dims), "speakers": voices.speakers},
            extra={"realigned": 0, "durations": {}},
        )
        for item in (*voices.train, *voices.valid):
            if item.key in self.run.extra["durations"]:
                item.durations = self.run.extra["durations"][item.key].numpy()
        self._known = {item.key: words.phones(item.text) if words else None for item in voices.train}
        self._batches = epochs(
            lambda: voices.train, voices.speakers, self.synthetic_share, self.course.frames, self.run.rng
        )

    def synthetic_share(self) -> float:
        """Of what is trained on now."""
        gone = (self.run.done - self.course.text_first) / (REAL_ONLY - self.course.text_first)
        first, last = SYNTHETIC
        return first + (last - first) * min(1.0, max(0.0, gone))

    def train(self) -> None:
        """Until the budget is used up."""
        self.run.train(self._step, self._validate)

    def _step(self) -> dict[str, Tensor]:
        run, course, words = self.run, self.course, self.words
        realigned = run.extra["realigned"]
        if realigned < len(course.realign_at) and run.done > course.realign_at[realigned]:
            self._realign()
        text_only = words is not None and run.done < course.text_first
        found = {}
        if not text_only:
            items = next(self._batches)
            batch = collate(items, self.voices.pitch, run.device)
            with run.half_precision():
                found = losses(self.model, self.heads, batch, [self._known[item.key] for item in items])
            run.hours += sum(item.frames for item in items) / FRAME_RATE / 3600
        if text_only or (words is not None and run.done < TEXT_UNTIL and run.steps % TEXT_EVERY == 0):
            texts = words.sample(3 * course.texts if text_only else course.texts, run.rng)
            tokens, counts = text_batch(texts, run.device)
            with run.half_precision():
                logits = self.heads.phone_logits(self.model.encoder(tokens, counts))
            pronounced = phones.ctc_loss(logits, counts, [words.phones(text) for text in texts])
            found["phones"] = found.get("phones", 0) + pronounced
        loss = sum(WEIGHTS[name] * value for name, value in found.items())
        run.descend("all", loss)
        return {"loss": loss, **found}

    def _realign(self) -> None:
        recorded = [i for i in (*self.voices.train, *self.voices.valid) if i.heard is not None]
        moved = realign_all(self.run.average("acoustic"), self.run.average("heads"), recorded)
        self.run.extra["realigned"] += 1
        self.run.best = math.inf  # errors under other durations do not compare
        tqdm.write(f"realigned: a cut moved by {moved:.2f} frames in the mean")

    def _validate(self) -> dict[str, float]:
        model, voices = self.run.average("acoustic"), self.voices
        error, moved, ratios = validate(model, voices.valid, voices.pitch)
        model.stretch.fill_(1.0)
        for speaker, ratio in ratios.items():
            model.stretch[speaker] = ratio
        durations = {i.key: torch.from_numpy(i.durations) for i in (*voices.train, *voices.valid)}
        self.run.extra["durations"] = durations
        return {"valid_mel": error, "valid_duration": moved}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `train acoustic`."""
    parser.add_argument("corpora", nargs="+", type=Path, help="folders with metadata.csv and wavs/")
    options.add_options(parser, WORK / "voice-acoustic", (50.0, "minutes"), Course.lr)
    parser.add_argument("--init", type=Path, metavar="ONNX", help="start from an exported model's weights")
    parser.add_argument("--texts", nargs="*", type=Path, default=[], help="more text to learn pronunciation from")
    parser.add_argument("--cache", type=Path, default=WORK / "cache")
    parser.add_argument("--frames", type=int, default=Course.frames, help="mel frames in a batch")
    parser.add_argument("--width", type=int, default=AcousticDims.width)


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on with, the run in `args.out`."""
    plan = options.plan(args, rise=RISE)
    initial = read_graph(args.init) if args.init else None
    voices = corpora(args.corpora, args.cache)
    words = phones.pronunciations([i.text for i in voices.train] + [t for p in args.texts for t in sentences(p)])
    dims = AcousticDims(speakers=len(voices.speakers), width=args.width)
    first = 0.0 if args.init else Course.text_first
    course = Course(args.lr, args.frames, text_first=first)
    training = Training(plan, begin(Acoustic(dims), voices, initial), voices, words, course)
    print(f"{parameters(training.model):,} parameters, users {dict(enumerate(voices.speakers))}")
    training.train()
