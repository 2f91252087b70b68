"""A small recogniser learns from a large one: python -m deepsc_export.distil CORPORA...

Beside the texts (CTC) it imitates the teacher's features frame by frame, and a hidden layer of it the teacher's encoder
(Romero et al., "FitNets", 2015). The teacher hears clean speech, once for each speed, and its states are kept; the
student hears pieces of the same speech, some of them degraded. Several processes share a batch.
"""

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from gr_deepsc.framing import FRAME_RATE, HOP

from . import checkpoint
from .__main__ import WORK, initial_state, splits
from .config import CONFIGS, SHIPPED
from .data.audio import Speech
from .data.augment import SpecAugment, at_speed, degrade
from .data.batches import by_length, targets
from .data.corpora import CorpusError
from .models.recogniser import DeepSpeech, WhisperRecogniser, build, ctc_loss, distillation_loss
from .models.recurrent import valid_mask
from .onnx_export import MAX_SECONDS
from .onnx_weights import part
from .optimisation import descend
from .pieces import Piece, gaps, pieces
from .train_head import States, logits
from .train_recogniser import SAVE_EVERY, Plan, Run

SPEEDS = (Fraction(9, 10), Fraction(1), Fraction(11, 10))
TEACHER = "pretrained"  # configuration
HINTED = 1  # the BiGRU module whose output the teacher's encoder states can be read from
LONGEST = 5.0  # s, of a piece: short ones make many rows, and one step of a GRU costs the same for all rows
WHOLE_AFTER = 0.85  # of the run: from here on whole utterances, as it will hear them


@dataclass
class Lesson:
    """Some batch: what the student hears, `frames` of each row, its text, and what the teacher made of it."""

    waveform: Tensor  # float32 [rows, samples]
    frames: Tensor  # int64 [rows]
    tokens: Tensor  # int64 [sum of token_counts]
    token_counts: Tensor  # int64 [rows]
    states: Tensor  # float32 [rows, frames, 2 * width]


class Lessons:
    """A corpus at every speed, with the teacher's states and the gaps between its words."""

    def __init__(self, teacher: WhisperRecogniser, speech: Speech, cache: Path):
        self._speech = speech
        self._states = {
            speed: States(teacher, speech, cache, f"speed{float(speed)}", partial(at_speed, speed=speed))
            for speed in SPEEDS
        }
        self._gaps = gaps(teacher, self._states[Fraction(1)], cache)

    @property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the teacher's states, [2 * width] each, of an hour of them at most."""
        rows = self._states[Fraction(1)].rows[: 3600 * FRAME_RATE].astype(np.float32)
        return rows.mean(0), rows.std(0)

    def draw(self, longest: float, rng: np.random.Generator) -> list[tuple["Lessons", Fraction, Piece]]:
        """The whole corpus once, at one of the speeds, in pieces of at most `longest` seconds."""
        speed = SPEEDS[rng.integers(len(SPEEDS))]
        found = []
        for i, (_, frames) in enumerate(self._states[speed].places):
            text = self._speech.utterances[i].text
            found += pieces(i, text, self._gaps[i] / float(speed), frames, longest * FRAME_RATE)
        return [(self, speed, piece) for piece in found]

    def heard(self, speed: Fraction, piece: Piece) -> np.ndarray:
        """float32 [HOP * frames of the piece]: its samples."""
        length = HOP * (piece.end - piece.begin)
        begin = int(HOP * piece.begin * speed)
        samples = self._speech[piece.utterance][begin : begin + int(length * speed) + 1]
        samples = at_speed(samples, speed)[:length]
        return np.pad(samples, (0, length - len(samples)))

    def taught(self, speed: Fraction, piece: Piece) -> np.ndarray:
        """float16 [frames of the piece, 2 * width]: the teacher's states."""
        start, _ = self._states[speed].places[piece.utterance]
        return self._states[speed].rows[start + piece.begin : start + piece.end]


def endless(
    corpora: list[Lessons], seconds: float, longest: float, degraded: float, rng: np.random.Generator
) -> Iterator[Lesson]:
    """Batches of at most `seconds`, each of pieces of similar length, a share of them `degraded`."""
    while True:
        drawn = [item for corpus in corpora for item in corpus.draw(longest * rng.uniform(0.6, 1), rng)]
        for group in by_length(
            drawn, lambda item: item[2].end - item[2].begin, int(seconds * FRAME_RATE), rng
        ):
            frames = torch.tensor([piece.end - piece.begin for _, _, piece in group])
            states = [torch.from_numpy(corpus.taught(*which).astype(np.float32)) for corpus, *which in group]
            heard = [corpus.heard(*which) for corpus, *which in group]
            heard = [degrade(samples, rng) if rng.random() < degraded else samples for samples in heard]
            yield Lesson(
                nn.utils.rnn.pad_sequence(list(map(torch.from_numpy, heard)), batch_first=True),
                frames,
                *targets([piece.text for _, _, piece in group]),
                nn.utils.rnn.pad_sequence(states, batch_first=True),
            )


class Student(nn.Module):
    """The small recogniser, and the layer that reads the teacher's states from a hidden one of it."""

    def __init__(self, recogniser: DeepSpeech, hint: nn.Linear):
        super().__init__()
        self.recogniser, self.hint = recogniser, hint

    def forward(
        self, waveform: Tensor, samples: Tensor, augment: SpecAugment | None
    ) -> tuple[Tensor, Tensor]:
        """Logits [rows, frames, 29] and states [rows, frames, 2 * width]."""
        hidden = self.recogniser.hidden(waveform, samples, augment)
        return self.recogniser.output(hidden[-1]).float(), self.hint(hidden[HINTED]).float()


def losses(
    student: nn.Module,
    teacher: WhisperRecogniser,
    lesson: Lesson,
    scale: tuple[Tensor, Tensor],
    augment: SpecAugment | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """CTC a token, nats a frame from the teacher's features, and variance of its states left unexplained."""
    with checkpoint.half_precision():
        features, hint = student(lesson.waveform, HOP * lesson.frames, augment)
        with torch.no_grad():
            target = logits(teacher, lesson.states, lesson.frames).float()
    mean, deviation = scale
    unexplained = F.mse_loss(hint, (lesson.states - mean) / deviation, reduction="none").mean(-1)
    return (
        ctc_loss(features, lesson.frames, lesson.tokens, lesson.token_counts),
        distillation_loss(features, target, lesson.frames),
        unexplained[valid_mask(lesson.frames, hint.shape[1])].mean(),
    )


def train(
    run: Run,
    teacher: WhisperRecogniser,
    corpora: list[Lessons],
    valid: Speech,
    degraded: float,
    rank: int = 0,
    ranks: int = 1,
) -> None:
    """Trains until `run.plan.hours` of speech have been heard by all `ranks` processes together.

    A share `degraded` of the pieces is heard so; as many batches have masked spectrograms.
    """
    rng = np.random.default_rng([run.plan.seed, rank, int(run.seen * 3600)])
    mean, deviation = corpora[0].moments
    scale = torch.from_numpy(mean), torch.from_numpy(np.maximum(deviation, 1e-3))
    student = Student(run.model, run.helper)
    shared = DistributedDataParallel(student, forward_sync_buffers=False) if ranks > 1 else student
    masks = SpecAugment(rng)
    recent, saved = [], run.log.minutes
    form = "{l_bar}{bar}{n:.2f}/{total:.0f} h of speech {postfix}"
    bar = tqdm(total=run.plan.hours, initial=run.seen, disable=True if rank else None, bar_format=form)
    while run.seen < run.plan.hours:
        until = WHOLE_AFTER if run.seen < WHOLE_AFTER * run.plan.hours else 1.0
        longest = LONGEST if until < 1 else MAX_SECONDS
        for lesson in endless(corpora, run.plan.batch_seconds / ranks, longest, degraded, rng):
            student.train()
            parts = losses(shared, teacher, lesson, scale, masks if rng.random() < degraded else None)
            run.set_learning_rates()
            descend(run.optimiser, sum(parts), 2.0)
            seconds = lesson.frames.sum() / FRAME_RATE
            if ranks > 1:
                dist.all_reduce(seconds)
            run.seen += seconds.item() / 3600
            if rank == 0:
                run.ema.update(run.model)
                recent.append([x.item() for x in parts])
                bar.set_postfix_str("CTC {:.3f}, KL {:.3f}, hint {:.3f}".format(*np.mean(recent[-50:], 0)))
                bar.update(seconds.item() / 3600)
                if run.seen >= run.plan.hours or run.log.minutes - saved > SAVE_EVERY:
                    tqdm.write("CTC {:.3f}, KL {:.3f}, hint {:.3f}".format(*np.mean(recent, 0)))
                    run.save(float(np.mean(recent, 0).sum()), valid)
                    recent, saved = [], run.log.minutes
            if run.seen >= until * run.plan.hours:
                break


def learn(rank: int, args: argparse.Namespace, meeting: str = "") -> None:
    """One of the processes that share the batches; they meet at the file `meeting`."""
    torch.set_num_threads(1)
    if args.jobs > 1:
        dist.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=args.jobs)
    torch.manual_seed(args.seed)
    teacher, corpora = prepare(args)
    config = CONFIGS[args.config]
    plan = Plan(args.hours, args.batch_seconds, args.lr, seed=args.seed)
    hint = nn.Linear(2 * config.encoder.gru_units, 2 * CONFIGS[TEACHER].encoder.width)
    run = Run(
        config,
        args.out or WORK / config.name,
        plan,
        part(initial_state(args.init), "recogniser") if args.init else None,
        helper=hint,
    )
    (valid,) = splits(list(dict.fromkeys(args.corpora)), "valid")
    train(run, teacher, corpora, valid, args.degraded, rank, args.jobs)


def prepare(args: argparse.Namespace) -> tuple[WhisperRecogniser, list[Lessons]]:
    """The teacher, and every corpus as often as it is named."""
    teacher = build(CONFIGS[TEACHER].encoder)
    teacher.load_state_dict(part(initial_state(args.teacher), "recogniser"))
    teacher.eval()
    named = Counter(args.corpora)
    lessons = {name: Lessons(teacher, splits([name], "train")[0], WORK / "cache") for name in named}
    return teacher, [lessons[name] for name in args.corpora]


def main() -> None:
    students = [name for name in CONFIGS if name != TEACHER]
    parser = argparse.ArgumentParser(
        prog="python -m deepsc_export.distil", description=__doc__.split("\n")[0]
    )
    parser.add_argument("corpora", nargs="+", help="folders; one named twice is heard twice as often")
    parser.add_argument("--config", choices=students, default="compact", help="of the student")
    parser.add_argument(
        "--teacher", default=SHIPPED[TEACHER], help="a shipped model or a folder with its files"
    )
    parser.add_argument("--init", metavar="MODEL", help="start from this model's weights")
    parser.add_argument("--out", type=Path, help=f"folder of the run (default: {WORK}/CONFIG)")
    parser.add_argument("--hours", type=float, default=100.0, help="of speech heard, repeats counted")
    parser.add_argument("--batch-seconds", type=float, default=96.0, help="of all processes together")
    parser.add_argument("--degraded", type=float, default=0.2, help="share of the speech heard degraded")
    parser.add_argument("--lr", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: one a core)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    try:
        if args.jobs == 1:
            learn(0, args)
            return
        prepare(args)  # once, so that the processes find the states in the cache
    except CorpusError as error:
        raise SystemExit(f"distil: {error}") from None
    with TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(learn, (args, f"{folder}/meeting"), nprocs=args.jobs)


if __name__ == "__main__":
    main()
