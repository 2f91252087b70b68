"""Training text -> mel: pronunciation first, then the spectrograms of all voices together, realigned on the way.

User IDs are the speakers in the order in which the corpora bring them. Those of `--lending` corpora teach words that
the users' recordings lack, and become no users; so do speakers called `flite_...`, which are synthetic. Their share of
what is trained on falls towards the end.

Where the recordings of all users are at hand, another user is another folder behind theirs, and `--init` starts from
the shipped weights; `deepsc register` adds a user without the others' recordings.
"""

import argparse
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from gr_deepsc.voice.pronunciation import UNKNOWN

from ...data.texts import sentences
from ...onnx_files.weights import read_graph
from ...training import checkpoint, options
from ...training.options import WORK
from ...training.run import Plan, Run
from ..batches import collate, epochs, text_batch
from ..files import fill
from ..mel import FRAME_RATE
from ..spoken import Voices, begin, corpora
from ..vocoder.losses import feature_loss, fooling_loss, judge_loss
from . import phones
from .judge import MelJudge, windows
from .losses import Heads
from .model import Acoustic, AcousticDims, parameters
from .realign import refined
from .teach import WEIGHTS, forgotten, losses, realign_all, validate

RISE = (100, "steps")
JUDGED = "of the run: from here a discriminator of mels listens as well (default: never)"
TEXT_UNTIL = 0.6  # of the run: until here some pronunciation beside the spectrograms
TEXT_EVERY = 4  # batches of spectrograms
SYNTHETIC = (0.7, 0.0)  # share of lent speech when spectrograms begin, and from REAL_ONLY on; synthetic,
LENT = (0.6, 0.2)  # or of people
REAL_ONLY = 0.75  # of the run
JUDGE_LR, JUDGE_LEAD = 2e-4, 0.06  # of the run: what the discriminator learns before anybody hears of it
UNHEARD = 0.15  # share of the words that are trained as if no dictionary had them


@dataclass(frozen=True)
class Course:
    """What is taught when, and how much at once."""

    lr: float = 1e-3
    frames: int = 3000  # of mel in a batch, padding included: 48 s
    texts: int = 12  # sentences in a batch of pronunciation; three times as many before the spectrograms
    text_first: float = 0.07  # of the run: only pronunciation, which no spectrogram has to be computed for
    realign_at: tuple[float, ...] = (0.22, 0.45)  # of the run
    eager: float = 1.0  # how much faster the table of speakers learns than the rest
    share: tuple[float, float] = SYNTHETIC
    judged_from: float = 1.0  # of the run: from here a discriminator listens as well


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
        self.judge = MelJudge()
        table = model.speaker.weight
        rest = [w for w in (*model.parameters(), *self.heads.parameters()) if w is not table]
        fast = {"params": [table], "lr": self.course.lr * self.course.eager}
        optimiser = torch.optim.AdamW([{"params": rest}, fast], self.course.lr, betas=(0.9, 0.98), weight_decay=0.01)
        self.run = Run(
            plan,
            {"acoustic": model, "heads": self.heads, "judge": self.judge},
            {"all": optimiser, "judge": torch.optim.AdamW(self.judge.parameters(), JUDGE_LR, betas=(0.5, 0.9))},
            averaged=["acoustic", "heads"],
            fields=["loss", *WEIGHTS, "judge", "valid_mel", "valid_duration"],
            best="valid_mel",
            about={"dims": asdict(model.dims), "speakers": voices.speakers, "users": voices.users},
            extra={"realigned": 0, "durations": {}},
        )
        for item in (*voices.train, *voices.valid):
            if item.key in self.run.extra["durations"]:
                item.durations = self.run.extra["durations"][item.key].numpy()
        self._known = {item.key: words.phones(item.text) if words else None for item in voices.train}
        self._batches = epochs(lambda: voices.train, voices.lent, self.lent_share, self.course.frames, self.run.rng)

    def lent_share(self) -> float:
        """Of what is trained on now."""
        gone = (self.run.done - self.course.text_first) / (REAL_ONLY - self.course.text_first)
        first, last = self.course.share
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
                known = [self._known[item.key] for item in items]
                found, made, real = losses(self.model, self.heads, forgotten(batch, UNHEARD), known)
            if run.done > course.judged_from - JUDGE_LEAD:
                found |= self._judged(made, real, batch.frames)
            if not course.realign_at:
                del found["mean"]  # which only realigning asks for
            run.hours += sum(item.frames for item in items) / FRAME_RATE / 3600
        if text_only or (words is not None and run.done < TEXT_UNTIL and run.steps % TEXT_EVERY == 0):
            texts = words.sample(3 * course.texts if text_only else course.texts, run.rng)
            tokens, counts = text_batch(texts, run.device)
            with run.half_precision():
                unknown = torch.full_like(tokens, UNKNOWN)  # the letters teach it
                logits = self.heads.phone_logits(self.model.encoder(tokens, unknown, counts))
            pronounced = phones.ctc_loss(logits, counts, [words.phones(text) for text in texts])
            found["phones"] = found.get("phones", 0) + pronounced
        loss = sum(WEIGHTS[name] * value for name, value in found.items() if name in WEIGHTS)
        run.descend("all", loss)
        return {"loss": loss, **found}

    def _judged(self, made: Tensor, real: Tensor, frames: Tensor) -> dict[str, Tensor]:
        """Trains the discriminator; what the model loses by it, once it has learnt something."""
        at = torch.rand(len(frames), device=frames.device)
        made, real = windows(made.float(), frames, at), windows(real, frames, at)
        true, false = self.judge(real), self.judge(made.detach())
        judge = judge_loss([true], [false])
        self.run.descend("judge", judge, 10.0)
        if self.run.done < self.course.judged_from:
            return {"judge": judge}
        self.judge.requires_grad_(False)
        false = self.judge(made)
        self.judge.requires_grad_(True)
        # feature_loss sums over the layers
        feature = feature_loss([true], [false]) / len(self.judge.layers)
        return {"judge": judge.detach(), "fooling": fooling_loss([false]), "feature": feature}

    def _realign(self) -> None:
        recorded = [i for i in (*self.voices.train, *self.voices.valid) if i.heard is not None]
        moved = realign_all(self.run.average("acoustic"), self.run.average("heads"), recorded)
        self.run.extra["realigned"] += 1
        self.run.best = math.inf  # errors under other durations do not compare
        tqdm.write(f"realigned: a cut moved by {moved:.2f} frames in the mean")

    def _validate(self) -> dict[str, float]:
        model, voices = self.run.average("acoustic"), self.voices
        best = self.run.plan.folder / "best.pt"
        if self.run.done > self.course.judged_from:
            if not (kept := self.run.plan.folder / "unjudged" / "best.pt").is_file() and best.is_file():
                kept.parent.mkdir()
                shutil.copy(best, kept)
            self.run.best = math.inf  # the mean's error is smaller, but nobody wants to hear it: the latest is kept
        error, moved, ratios = validate(model, voices.valid, voices.pitch)
        model.stretch.fill_(1.0)
        for speaker, ratio in ratios.items():
            model.stretch[speaker] = ratio
        durations = {i.key: torch.from_numpy(i.durations) for i in (*voices.train, *voices.valid)}
        self.run.extra["durations"] = durations
        return {"valid_mel": error, "valid_duration": moved}


def warm(path: Path, speakers: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights to start from, of an exported model or of a run's folder: the model's, and the heads' if they are there.

    A run's speakers are found by their names; whom it does not know begins as the mean of those it knows.
    """
    if path.is_file():
        return read_graph(path), {}
    networks, about = checkpoint.best(path)
    state, known = networks["acoustic"], about["speakers"]
    for key in ("speaker.weight", "stretch"):
        rows = [state[key][known.index(s)] if s in known else state[key].mean(0) for s in speakers]
        state[key] = torch.stack(rows)
    return state, networks["heads"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `train acoustic`."""
    parser.add_argument("corpora", nargs="+", type=Path, help="folders with metadata.csv and wavs/")
    options.add_options(parser, WORK / "voice-acoustic", (50.0, "minutes"), Course.lr)
    parser.add_argument("--init", type=Path, metavar="FROM", help="start from acoustic.onnx or another run's folder")
    parser.add_argument("--lending", nargs="*", type=Path, default=[], help="corpora of speakers who become no users")
    parser.add_argument("--judged-from", type=float, default=1.0, metavar="SHARE", help=JUDGED)
    parser.add_argument("--save-every", type=float, default=5.0, metavar="M", help="minutes (default: 5)")
    parser.add_argument("--texts", nargs="*", type=Path, default=[], help="more text to learn pronunciation from")
    parser.add_argument("--cache", type=Path, default=WORK / "cache")
    parser.add_argument("--frames", type=int, default=Course.frames, help="mel frames in a batch")
    parser.add_argument("--dropout", type=float, default=AcousticDims.dropout)
    parser.add_argument("--width", type=int, default=AcousticDims.width)


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on with, the run in `args.out`."""
    plan = options.plan(args, rise=RISE, save_every=(args.save_every, "minutes"))
    voices = corpora(args.corpora, args.cache, args.lending)
    initial, heads = warm(args.init, voices.speakers) if args.init else (None, {})
    words = phones.Pronunciations([i.text for i in voices.train] + [t for p in args.texts for t in sentences(p)])
    dims = AcousticDims(speakers=len(voices.speakers), width=args.width, dropout=args.dropout)
    share = LENT if args.lending else SYNTHETIC
    course = Course(args.lr, args.frames, args.frames // 250, share=share, judged_from=args.judged_from)
    model = begin(Acoustic(dims), voices, initial)
    if args.init:  # it pronounces already, and knows where the tokens are
        course = replace(course, text_first=0.0, realign_at=())
        print(f"realigned: a cut moved by {refined(model, voices, args.cache):.2f} frames in the mean", flush=True)
    training = Training(plan, model, voices, words, course)
    fill(training.heads, heads)
    print(f"{parameters(training.model):,} parameters, users {dict(enumerate(voices.speakers))}")
    training.train()
