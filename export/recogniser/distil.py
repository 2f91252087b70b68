"""Let a small recogniser learn from a large one.

Beside the texts (CTC) it imitates the teacher's features frame by frame, and a hidden layer of it the teacher's encoder
(Romero et al., "FitNets", 2015). The teacher hears clean speech, once for each speed, and its states are kept; the
student hears pieces of the same speech, some of them degraded. Several processes share a batch.
"""

import argparse
import os
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from gr_deepsc.framing import FRAME_RATE, HOP

from ..data.ahead import streamed
from ..data.audio import CACHE, Speech, splits
from ..data.augment import SpecAugment, at_speed, degrade
from ..data.batches import by_length, on, targets
from ..layers.recurrent import valid_mask
from ..onnx_files.weights import part, read_weights
from ..training import options
from ..training.optimisation import half_cosine, pick_device
from ..training.options import WORK
from ..training.run import Run
from .config import CONFIGS, MAX_SECONDS, SHIPPED
from .model import DeepSpeech, WhisperRecogniser, build, ctc_loss, distillation_loss
from .pieces import Piece, gaps, pieces
from .states import States, logits
from .train import LONGEST as LONGEST_GRADIENT
from .train import WARM_UP, begin, validate

SPEEDS = (Fraction(9, 10), Fraction(1), Fraction(11, 10))
TEACHER = "pretrained"  # configuration
HINTED = 1  # the BiGRU module whose output the teacher's encoder states can be read from
LONGEST = 5.0  # s, of a piece: short ones make many rows, and one step of a GRU costs the same for all rows
WHOLE_AFTER = 0.85  # of the run: from here on whole utterances, as it will hear them


class Lesson(NamedTuple):
    """Some batch: what the student hears, `frames` of each row, its text, and what the teacher made of it."""

    waveform: Tensor  # float32 [rows, samples]
    frames: Tensor  # int64 [rows]
    tokens: Tensor  # int64 [sum of token_counts]
    token_counts: Tensor  # int64 [rows]
    states: Tensor  # float16 [rows, frames, 2 * width]


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
    corpora: list[Lessons], seconds: float, longest: Callable[[], float], degraded: float, rng: np.random.Generator
) -> Iterator[Lesson]:
    """Batches of at most `seconds`, each of pieces of similar length, a share of them `degraded`.

    Pieces are of at most `longest()` seconds, mostly shorter; they are cut anew when that changes.
    """
    while True:
        now = longest()
        drawn = [item for corpus in corpora for item in corpus.draw(now * rng.uniform(0.6, 1), rng)]
        for group in by_length(drawn, lambda item: item[2].end - item[2].begin, int(seconds * FRAME_RATE), rng):
            if longest() != now:
                break
            frames = torch.tensor([piece.end - piece.begin for _, _, piece in group])
            states = [torch.from_numpy(corpus.taught(*which).copy()) for corpus, *which in group]
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

    def forward(self, waveform: Tensor, samples: Tensor, augment: SpecAugment | None) -> tuple[Tensor, Tensor]:
        """Logits [rows, frames, 29] and states [rows, frames, 2 * width]."""
        hidden = self.recogniser.hidden(waveform, samples, augment)
        return self.recogniser.output(hidden[-1]).float(), self.hint(hidden[HINTED]).float()


def losses(
    student: nn.Module,
    teacher: WhisperRecogniser,
    lesson: Lesson,
    scale: tuple[Tensor, Tensor],
    augment: SpecAugment | None,
) -> dict[str, Tensor]:
    """`ctc` a token; `kl`, nats a frame from the teacher's features; `hint`, variance of its states unexplained."""
    features, hint = student(lesson.waveform, HOP * lesson.frames, augment)
    states = lesson.states.float()
    with torch.no_grad():
        target = logits(teacher, states, lesson.frames).float()
    mean, deviation = scale
    unexplained = F.mse_loss(hint, (states - mean) / deviation, reduction="none").mean(-1)
    return {
        "ctc": ctc_loss(features, lesson.frames, lesson.tokens, lesson.token_counts),
        "kl": distillation_loss(features, target, lesson.frames),
        "hint": unexplained[valid_mask(lesson.frames, hint.shape[1])].mean(),
    }


def train(
    run: Run,
    teacher: WhisperRecogniser,
    corpora: list[Lessons],
    valid: Speech,
    degraded: float,
    batch_seconds: float = 96.0,
    rank: int = 0,
    ranks: int = 1,
    loaders: int = 0,
) -> None:
    """Trains until all `ranks` processes together have heard what `train.begin` planned.

    A share `degraded` of the pieces is heard so; as many batches have masked spectrograms. Batches are made by so many
    `loaders`, processes beside the one that learns.
    """
    rng = run.rng if rank == 0 else np.random.default_rng([run.plan.seed, run.steps, rank])
    whole = torch.zeros((), dtype=torch.bool).share_memory_()  # what the loaders know of how far the run is
    mean, deviation = corpora[0].moments
    scale = tuple(torch.from_numpy(x).to(run.device) for x in (mean, np.maximum(deviation, 1e-3)))
    student = Student(run.networks["recogniser"], run.networks["helper"]).to(run.device)
    shared = DistributedDataParallel(student, forward_sync_buffers=False) if ranks > 1 else student
    teacher.to(run.device)
    masks = SpecAugment(rng)

    def longest() -> float:
        return MAX_SECONDS if whole else LONGEST

    def stream(loader: int) -> Iterator[Lesson]:
        mine = np.random.default_rng([run.plan.seed, run.steps, rank, loader]) if loaders else rng
        return endless(corpora, batch_seconds / ranks, longest, degraded, mine)

    source = streamed(stream, loaders)

    def step() -> dict[str, Tensor]:
        whole.fill_(run.done >= WHOLE_AFTER)
        lesson = next(source)
        seconds = lesson.frames.sum() / FRAME_RATE
        if ranks > 1:
            dist.all_reduce(seconds)
        run.hours += seconds.item() / 3600
        with run.half_precision():
            augment = masks if rng.random() < degraded else None
            parts = losses(shared, teacher, on(run.device, lesson), scale, augment)
        run.descend("all", sum(parts.values()), LONGEST_GRADIENT)
        return parts

    run.train(step, lambda: validate(run.average("recogniser"), valid))


def learn(rank: int, args: argparse.Namespace, ranks: int, meeting: str = "") -> None:
    """One of the processes that share the batches; they meet at the file `meeting`."""
    config = CONFIGS[args.config]
    amount, unit = options.budget(args)
    save_every = (args.save_every, "minutes")
    plan = options.plan(args, (WARM_UP * amount, unit), half_cosine, save_every, WORK / config.name / "recogniser")
    if ranks > 1:
        torch.set_num_threads(1)
        dist.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=ranks)
    teacher, corpora = prepare(args)
    hint = nn.Linear(2 * config.encoder.gru_units, 2 * CONFIGS[TEACHER].encoder.width)
    initial = part(read_weights(args.init), "recogniser") if args.init else None
    torch.manual_seed(args.seed)
    begun = begin(plan, config, (args.lr, args.lr), ["ctc", "kl", "hint"], initial, None, hint, rank == 0)
    (valid,) = splits(list(dict.fromkeys(args.corpora)), "valid")
    train(begun, teacher, corpora, valid, args.degraded, args.batch_seconds, rank, ranks, args.loaders)


def prepare(args: argparse.Namespace) -> tuple[WhisperRecogniser, list[Lessons]]:
    """The teacher, and every corpus as often as it is named."""
    teacher = build(CONFIGS[TEACHER].encoder)
    teacher.load_state_dict(part(read_weights(args.teacher), "recogniser"))
    teacher.eval().to(pick_device(args.device))
    named = Counter(args.corpora)
    lessons = {name: Lessons(teacher, splits([name], "train")[0], CACHE) for name in named}
    return teacher, [lessons[name] for name in args.corpora]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train distil`."""
    students = [name for name in CONFIGS if name != TEACHER]
    parser.add_argument("corpora", nargs="+", help="folders; one named twice is heard twice as often")
    parser.add_argument("--config", choices=students, default="compact", help="of the student")
    parser.add_argument("--teacher", default=SHIPPED[TEACHER], help="a shipped model or a folder with its files")
    parser.add_argument("--init", metavar="MODEL", help="start from this model's weights")
    options.add_options(parser, f"{WORK}/CONFIG/recogniser", (100.0, "hours"), 1e-3)
    options.add_minutes(parser)
    parser.add_argument("--batch-seconds", type=float, default=96.0, help="of all processes together")
    parser.add_argument("--degraded", type=float, default=0.2, help="share of the speech heard degraded")
    parser.add_argument("--loaders", type=int, default=0, help="processes beside each, which prepare its batches")
    parser.add_argument("--jobs", type=int, help="processes (default: one a core, or one that has the GPU)")


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on; in several processes if there is no GPU."""
    on_cpu = pick_device(args.device).type == "cpu"
    jobs = args.jobs or (os.cpu_count() if on_cpu else 1)
    if jobs == 1:
        learn(0, args, 1)
        return
    prepare(args)  # once, so that the processes find the states in the cache
    with TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(learn, (args, jobs, f"{folder}/meeting"), nprocs=jobs)
