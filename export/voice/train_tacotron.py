"""Training Tacotron 2: attention is first held where each letter is spoken, and learns to go there.

    python -m deepsc_export.voice.train_tacotron KATHLEEN LJSPEECH work/flite --config compact --minutes 75

Where that is, the recogniser's CTC (`align`) and the shipped parallel model's encoder (`realign`) say. Short sentences
and synthetic speech come first, then the real voices alone, as in `train_acoustic`. A run found in its folder is
resumed: last.pt has everything, best.pt the latest averaged weights, log.csv the losses against wall time.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gr_deepsc.voice.files import VOICE

from .. import checkpoint
from ..data.synthesise import sentences
from ..models.recurrent import valid_mask
from ..optimisation import descend, half_cosine
from . import phones
from .acoustic import parameters, soft_alignment
from .realign import refine
from .spoken import (
    Batch,
    Spoken,
    collate,
    corpora,
    epochs,
    groups,
    mel_statistics,
    pitch_statistics,
    text_batch,
)
from .tacotron import (
    COMPACT,
    PAPER,
    Tacotron,
    TacotronDims,
    guided_attention_loss,
    path_loss,
    tacotron_loss,
)
from .train_acoustic import exported, fill

CONFIGS = {"compact": COMPACT, "paper": PAPER}
SAVE_EVERY = 5.0  # minutes
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


@dataclass(frozen=True)
class Plan:
    minutes: float
    lr: float = 1e-3
    frames: int = 4000  # of mel in a batch, padding included: 64 s
    seed: int = 0


class Network(nn.Module):
    """The model and what only its training needs."""

    def __init__(self, dims: TacotronDims):
        super().__init__()
        self.tacotron = Tacotron(dims)
        self.phones = nn.Linear(dims.width, 2 * (phones.BLANK + 1))

    def phone_loss(self, tokens: Tensor, counts: Tensor, known: Sequence[list[int] | None]) -> Tensor:
        """Of what the encoder makes of texts whose phones are known: it learns to pronounce."""
        states = self.tacotron.encoder(tokens, counts)
        return phones.ctc_loss(self.phones(states).reshape(len(states), -1, phones.BLANK + 1), counts, known)

    def target(self, batch: Batch) -> Tensor:
        """Normalised mels [batch, steps * reduction, mels], 0 behind the end."""
        model = self.tacotron
        mel = (batch.mel - model.mel_mean) / model.mel_scale
        mel = mel * valid_mask(batch.frames, mel.shape[1])[..., None]
        return nn.functional.pad(mel, (0, 0, 0, -mel.shape[1] % model.dims.reduction))

    def losses(self, batch: Batch, lead: float) -> dict[str, Tensor]:
        """`lead`: how far attention goes where the durations say, whatever it learns."""
        model, target = self.tacotron, self.target(batch)
        reduction = model.dims.reduction
        steps = -(-batch.frames // reduction)
        path, _ = soft_alignment(batch.durations, int(steps.max()), reduction)
        first, after, stops, weights = model(batch.tokens, batch.speakers, batch.counts, target, path, lead)
        mel, stop = tacotron_loss(
            first.float(), after.float(), stops.float(), target, batch.frames, reduction
        )
        return {
            "mel": mel,
            "stop": stop,
            "path": path_loss(weights, path, steps),
            "diagonal": guided_attention_loss(weights, batch.counts, steps),
        }


class Run:
    """A resumable training run in a folder."""

    fields = (
        "steps", "loss", "mel", "stop", "path", "diagonal", "phones", "valid_mel", "valid_hit", "read", "length",
    )  # fmt: skip

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        dims: TacotronDims,
        speakers: Sequence[str],
        train: list[Spoken],
        valid: list[Spoken],
        initial: dict[str, Tensor] | None = None,
    ):
        """Starts from `initial`, a network's weights, or from chance."""
        torch.manual_seed(plan.seed)
        self.folder, self.plan, self.dims, self.speakers = Path(folder), plan, dims, list(speakers)
        self.train, self.valid = train, valid
        self.pitch = pitch_statistics(train, len(speakers))
        self.network = Network(dims)
        if initial is not None:
            fill(self.network, initial)
        else:
            mean, scale = mel_statistics(train)
            self.network.tacotron.mel_mean.copy_(mean)
            self.network.tacotron.mel_scale.copy_(scale)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), plan.lr, betas=(0.9, 0.98), eps=1e-6, weight_decay=1e-3
        )
        self.ema = checkpoint.Ema(self.network)
        self.steps = 0
        if (self.folder / "last.pt").is_file():
            state = checkpoint.load(self.folder / "last.pt")
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.ema.state, self.ema.updates = state["ema"], state["updates"]
            self.steps = state["steps"]
            print(f"resumed {self.folder} after {self.steps} steps")
        self.log = checkpoint.Log(self.folder / "log.csv", list(self.fields))

    @property
    def done(self) -> float:
        """Share of the run's minutes that are over."""
        return self.log.minutes / self.plan.minutes

    def learning_rate(self) -> float:
        """A linear rise, then half a cosine."""
        return self.plan.lr * half_cosine(self.done) * min(1.0, (self.steps + 1) / 100)

    def synthetic_share(self) -> float:
        return SYNTHETIC * max(0.0, 1 - self.done / REAL_ONLY)

    def lead(self) -> float:
        """How far attention is led along the alignment."""
        return min(1.0, max(0.0, (ALONE_FROM - self.done) / (ALONE_FROM - HELD_UNTIL)))

    def suitable(self) -> list[Spoken]:
        """What is short enough by now."""
        longest = SHORT / max(1e-6, 1 - self.done / ALL_LENGTHS) if self.done < ALL_LENGTHS else math.inf
        return [item for item in self.train if item.frames <= longest]

    def average(self) -> Network:
        average = Network(self.dims)
        average.load_state_dict(self.ema.state)
        return average.eval()

    def record(self, means: dict[str, float]) -> None:
        """Validates the averaged weights, logs, and keeps everything that a resumed run needs."""
        network = self.average()
        error, hit = validate(network, self.valid, self.pitch)
        read, length = read_aloud(network, self.valid[:: max(1, len(self.valid) // READ_ALOUD)])
        found = {"valid_mel": error, "valid_hit": hit, "read": read, "length": length}
        self.log.write(
            **{k: round(v, 4) for k, v in {**means, **found}.items() if k in self.fields}, steps=self.steps
        )
        ours = {"dims": asdict(self.dims), "speakers": self.speakers}
        # not the best but the latest: as long as attention is led, errors of reading alone say little
        checkpoint.save(self.folder / "best.pt", {**ours, "network": self.ema.state})
        state = {"network": self.network.state_dict(), "ema": self.ema.state, "updates": self.ema.updates}
        state |= {"optimiser": self.optimiser.state_dict(), "steps": self.steps}
        checkpoint.save(self.folder / "last.pt", {**ours, **state})
        shown = "  ".join(f"{key} {value:.3f}" for key, value in {**means, **found}.items())
        tqdm.write(f"{self.log.minutes:6.1f} min  {self.steps} steps  {shown}")


def validate(
    network: Network, items: Sequence[Spoken], pitch: list[tuple[float, float]]
) -> tuple[float, float]:
    """Under teacher forcing: mean absolute mel error (natural log), and the share of steps in which attention is
    on the token that the alignment has there, or on a neighbour."""
    error = frames = hits = steps = 0.0
    model, reduction = network.tacotron, network.tacotron.dims.reduction
    with torch.inference_mode():
        for group in groups(items, 6000):
            batch = collate(group, pitch)
            target = network.target(batch)
            _, mel, _, weights = model(batch.tokens, batch.speakers, batch.counts, target)
            inside = valid_mask(batch.frames, target.shape[1])
            error += float(((mel - target).abs() * model.mel_scale).mean(2)[inside].sum())
            frames += float(batch.frames.sum())
            for row, item in zip(weights, group, strict=True):
                owner = np.repeat(np.arange(len(item.tokens)), item.durations)[reduction // 2 :: reduction]
                hits += float((np.abs(row.argmax(1).numpy()[: len(owner)] - owner) <= 1).sum())
                steps += len(owner)
    return error / frames, hits / steps


def read_aloud(network: Network, items: Sequence[Spoken]) -> tuple[float, float]:
    """Of freely spoken texts: the share of tokens that attention was on, and the length against the recording's."""
    visited = tokens = spoken = recorded = 0
    for item in items:
        mel, weights = network.tacotron.speak(torch.from_numpy(item.tokens), item.speaker)
        visited += len(set(weights.argmax(1).tolist()))
        tokens += len(item.tokens)
        spoken += len(mel)
        recorded += item.frames
    return visited / tokens, spoken / recorded


def train(run: Run, words: phones.Pronunciations | None) -> None:
    """Trains until `run.plan.minutes` are over, earlier sessions included."""
    rng = np.random.default_rng([run.plan.seed, run.steps])
    torch.manual_seed(run.plan.seed + run.steps)
    network, sums, saved = run.network, {}, run.log.minutes
    bar = tqdm(
        total=run.plan.minutes, disable=None, bar_format="{l_bar}{bar}{n:.1f}/{total:.0f} min {postfix}"
    )
    batches = epochs(run.suitable, run.speakers, run.synthetic_share, run.plan.frames, rng)
    while run.done < 1:
        network.train()
        with checkpoint.half_precision():
            losses = network.losses(collate(next(batches), run.pitch), run.lead())
            if words is not None and run.steps % TEXT_EVERY == 0:
                texts = words.sample(TEXTS, rng)
                losses["phones"] = network.phone_loss(
                    *text_batch(texts), [words.phones(text) for text in texts]
                )
        loss = sum(WEIGHTS[key] * value for key, value in losses.items())
        for group in run.optimiser.param_groups:
            group["lr"] = run.learning_rate()
        descend(run.optimiser, loss)
        run.ema.update(network)
        run.steps += 1
        for key, value in {"loss": loss, **losses}.items():
            sums.setdefault(key, []).append(float(value.detach()))
        bar.n = run.log.minutes
        bar.set_postfix_str(f"{run.steps} steps, loss {np.mean(sums['loss'][-50:]):.3f}")
        if run.done >= 1 or run.log.minutes - saved > SAVE_EVERY:
            run.record({key: float(np.mean(values)) for key, values in sums.items()})
            sums, saved = {}, run.log.minutes


def load_tacotron(path: Path) -> tuple[Tacotron, list[str]]:
    """A trained model from a run's `best.pt`, and its speakers' names."""
    state = checkpoint.load(path)
    network = Network(TacotronDims(**state["dims"]))
    network.load_state_dict(state["network"])
    return network.tacotron.eval(), state["speakers"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.voice.train_tacotron", description=__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--config", choices=CONFIGS, default="compact")
    parser.add_argument("--out", type=Path, help="folder of the run (default: work/tacotron-CONFIG)")
    parser.add_argument("--minutes", type=float, default=75.0)
    parser.add_argument(
        "--init", type=Path, metavar="PT", help="start from the weights of another run's best.pt"
    )
    parser.add_argument(
        "--texts", nargs="*", type=Path, default=[], help="more text to learn pronunciation from"
    )
    parser.add_argument(
        "--align",
        type=Path,
        default=VOICE / "acoustic.onnx",
        help="exported parallel model that sharpens alignments",
    )
    parser.add_argument("--cache", type=Path, default=Path("work/cache"))
    parser.add_argument("--lr", type=float, default=Plan.lr)
    parser.add_argument("--frames", type=int, default=Plan.frames, help="mel frames in a batch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    speakers, known, held_out = corpora(args.corpora, args.cache)
    moved = refine(exported(args.align), [*known, *held_out])
    print(f"realigned: a cut moved by {moved:.2f} mel frames in the mean", flush=True)
    texts = [item.text for item in known] + [t for path in args.texts for t in sentences(path)]
    words = phones.pronunciations(texts)
    dims = TacotronDims(**asdict(CONFIGS[args.config]) | {"speakers": len(speakers)})
    initial = checkpoint.load(args.init)["network"] if args.init else None
    plan = Plan(args.minutes, args.lr, args.frames, args.seed)
    out = args.out or Path(f"work/tacotron-{args.config}")
    run = Run(out, plan, dims, speakers, known, held_out, initial)
    print(f"{parameters(run.network.tacotron):,} parameters, users {dict(enumerate(speakers))}")
    train(run, words)


if __name__ == "__main__":
    main()
