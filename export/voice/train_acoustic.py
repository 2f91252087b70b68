"""Training text -> mel: pronunciation first, then the spectrograms of all voices together, realigned on the way.

    python -m deepsc_export.voice.train_acoustic KATHLEEN LJSPEECH work/flite --out work/voice-acoustic --minutes 50

User IDs are the speakers in the order in which the corpora bring them. Speakers called `flite_...` are synthetic: they
teach words that the recordings lack, and their share of what is trained on falls to nothing towards the end.

Where the recordings of all users are at hand, another user is another folder behind theirs, and `--init` starts from
the shipped weights; `register` adds a user without the others' recordings.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from .. import checkpoint
from ..data.synthesise import sentences
from ..models.recurrent import valid_mask
from ..onnx_weights import read_graph
from ..optimisation import descend, half_cosine
from . import phones, realign
from .acoustic import Acoustic, AcousticDims, Heads, duration_loss, mel_loss, parameters
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

SAVE_EVERY = 5.0  # minutes
WARM_UP = 0.02  # of the run
TEXT_FIRST = 0.07  # of the run: only pronunciation, which no spectrogram has to be computed for
TEXT_UNTIL = 0.6  # until here some pronunciation beside the spectrograms
TEXT_EVERY = 4  # batches of spectrograms
REALIGN_AT = (0.22, 0.45)  # of the run
SYNTHETIC = (0.7, 0.0)  # share of synthetic speech when spectrograms begin, and from REAL_ONLY on
REAL_ONLY = 0.75  # of the run


@dataclass(frozen=True)
class Plan:
    minutes: float
    lr: float = 1e-3
    frames: int = 3000  # of mel in a batch, padding included: 48 s
    texts: int = (
        12  # sentences in a batch of pronunciation beside the spectrograms, three times as many before
    )
    text_first: float = TEXT_FIRST
    realign_at: tuple[float, ...] = REALIGN_AT
    rise: int = 100  # steps
    eager: float = 1.0  # how much faster the table of speakers learns than the rest
    seed: int = 0


class Network(nn.Module):
    """The model and what only its training needs."""

    def __init__(self, dims: AcousticDims):
        super().__init__()
        self.acoustic = Acoustic(dims)
        self.heads = Heads(dims)

    def speak(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encoder states without and with the speaker; normalised mels before and after the post-net, true prosody."""
        plain, x = self.acoustic.states(batch.tokens, batch.speakers, batch.counts)
        steps = int(batch.steps.max())
        mels = self.acoustic.decode(x, batch.durations, batch.pitch, batch.counts, steps, batch.steps)
        return plain, x, *mels

    def phone_loss(self, states: Tensor, counts: Tensor, known: Sequence[list[int] | None]) -> Tensor:
        return phones.ctc_loss(self.heads.phone_logits(states), counts, known)

    def losses(self, batch: Batch, known: Sequence[list[int] | None]) -> dict[str, Tensor]:
        plain, x, before, after = self.speak(batch)
        valid = valid_mask(batch.counts, batch.tokens.shape[1])
        prosody = self.acoustic.prosody(x, valid[..., None])
        target = (batch.mel - self.acoustic.mel_mean) / self.acoustic.mel_scale
        # each token's mean mel, over its own frames: what realigning compares the frames with
        owner = torch.repeat_interleave(
            torch.arange(valid.numel()), batch.durations.flatten().long()
        )  # [all frames]
        guess = self.heads.mean(x).flatten(0, 1)[owner]
        return {
            "mel": mel_loss(before, after, target, batch.frames),
            "duration": duration_loss(prosody.log_duration, batch.durations, batch.counts),
            "pitch": F.mse_loss(prosody.pitch[valid], batch.pitch[valid]),
            "mean": F.mse_loss(guess, target[valid_mask(batch.frames, target.shape[1])]),
            "phones": self.phone_loss(plain, batch.counts, known),
        }


WEIGHTS = {"mel": 1.0, "duration": 0.3, "pitch": 0.1, "mean": 0.1, "phones": 0.1}


def realign_all(network: Network, items: Sequence[Spoken]) -> float:
    """New durations from the network's own guess of each token's mel; returns the mean move of a cut in frames."""
    network.eval()
    moved, cuts = 0.0, 0
    for item in tqdm(items, "realigning", unit="utt", disable=None):
        with torch.inference_mode():
            tokens, speaker = torch.from_numpy(item.tokens)[None], torch.tensor([item.speaker])
            _, x = network.acoustic.states(tokens, speaker)
            guess = network.heads.mean(x)[0].numpy()
        mel = (item.mel - network.acoustic.mel_mean.numpy()) / network.acoustic.mel_scale.numpy()
        moved += realign.cut(item, guess, mel)
        cuts += len(item.tokens)
    return moved / cuts


class Run:
    """A resumable training run in a folder: last.pt (everything), best.pt (averaged weights), log.csv."""

    fields = ("steps", "loss", "mel", "duration", "pitch", "phones", "valid_mel", "valid_duration")

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        dims: AcousticDims,
        speakers: Sequence[str],
        train: list[Spoken],
        valid: list[Spoken],
        initial: dict[str, Tensor] | None = None,
    ):
        """Starts from `initial` weights of an exported model, or from chance."""
        torch.manual_seed(plan.seed)
        self.folder, self.plan, self.dims, self.speakers = Path(folder), plan, dims, list(speakers)
        self.train, self.valid = train, valid
        self.pitch = pitch_statistics(train, len(speakers))
        self.network = Network(dims)
        if initial is not None:
            fill(self.network.acoustic, initial)
        else:
            mean, scale = mel_statistics(train)
            self.network.acoustic.mel_mean.copy_(mean)
            self.network.acoustic.mel_scale.copy_(scale)
        table = self.network.acoustic.speaker.weight
        rest = [weights for weights in self.network.parameters() if weights is not table]
        self.optimiser = torch.optim.AdamW(
            [{"params": rest}, {"params": [table], "eager": plan.eager}],
            plan.lr,
            betas=(0.9, 0.98),
            weight_decay=0.01,
        )
        self.ema = checkpoint.Ema(self.network)
        self.steps, self.best, self.realigned = 0, math.inf, 0
        if (self.folder / "last.pt").is_file():
            self._resume(checkpoint.load(self.folder / "last.pt"))
        self.log = checkpoint.Log(self.folder / "log.csv", list(self.fields))

    @property
    def done(self) -> float:
        """Share of the run's minutes that are over."""
        return self.log.minutes / self.plan.minutes

    def _resume(self, state: dict) -> None:
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema.state, self.ema.updates = state["ema"], state["updates"]
        self.steps, self.best, self.realigned = state["steps"], state["best"], state["realigned"]
        for item in [*self.train, *self.valid]:
            item.durations = state["durations"].get(item.key, item.durations)
        print(f"resumed {self.folder} after {self.steps} steps, best mel error {self.best:.4f}")

    def learning_rate(self) -> float:
        """A linear rise, then half a cosine."""
        return self.plan.lr * half_cosine(self.done) * min(1.0, (self.steps + 1) / self.plan.rise)

    def synthetic_share(self) -> float:
        """Of what is trained on now."""
        gone = (self.done - self.plan.text_first) / (REAL_ONLY - self.plan.text_first)
        begin, end = SYNTHETIC
        return begin + (end - begin) * min(1.0, max(0.0, gone))

    def average(self) -> Network:
        average = Network(self.dims)
        average.load_state_dict(self.ema.state)
        return average.eval()

    def record(self, means: dict[str, float]) -> None:
        """Validates the averaged weights, logs, and keeps everything that a resumed run needs."""
        error, duration, ratios = validate(self.average(), self.valid, self.pitch)
        stretch = torch.ones(len(self.speakers))
        for speaker, ratio in ratios.items():
            stretch[speaker] = ratio
        self.ema.state["acoustic.stretch"].copy_(stretch)
        self.log.write(
            **{k: round(v, 4) for k, v in means.items() if k in self.fields},
            steps=self.steps,
            valid_mel=round(error, 4),
            valid_duration=round(duration, 3),
        )
        ours = {"dims": asdict(self.dims), "speakers": self.speakers, "pitch": self.pitch}
        if error < self.best:
            self.best = error
            checkpoint.save(self.folder / "best.pt", {**ours, "network": self.ema.state})
        state = {"network": self.network.state_dict(), "ema": self.ema.state, "updates": self.ema.updates}
        state |= {"optimiser": self.optimiser.state_dict(), "steps": self.steps, "best": self.best}
        state |= {"durations": {item.key: item.durations for item in [*self.train, *self.valid]}}
        checkpoint.save(self.folder / "last.pt", {**ours, **state, "realigned": self.realigned})
        tqdm.write(
            f"{self.log.minutes:6.1f} min  {self.steps} steps  "
            + "  ".join(f"{key} {value:.3f}" for key, value in means.items())
            + f"  valid mel {error:.4f}  duration {duration:.2f} frames  "
            + f"stretch {[round(r, 3) for r in stretch.tolist()]}"
        )


def fill(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Takes every tensor of `state` that fits; a table of speakers with other rows keeps what both have."""
    ours = model.state_dict()
    for key, value in state.items():
        if key in ours and ours[key].shape == value.shape:
            ours[key].copy_(value)
        elif key in ours and ours[key].shape[1:] == value.shape[1:]:
            rows = min(len(value), len(ours[key]))
            ours[key][:rows] = value[:rows]


def validate(
    network: Network, items: Sequence[Spoken], pitch: list[tuple[float, float]]
) -> tuple[float, float, dict[int, float]]:
    """Mean absolute mel error (natural log) under true prosody, that of durations in frames, and real / predicted
    length of each speaker's speech as predicted without `stretch`."""
    network.eval()
    error = frames = moved = tokens = 0.0
    real, predicted = {}, {}
    with torch.inference_mode():
        for group in groups(items, 6000):
            batch = collate(group, pitch)
            _, x, _, mel = network.speak(batch)
            mel = mel * network.acoustic.mel_scale + network.acoustic.mel_mean
            inside = valid_mask(batch.frames, batch.mel.shape[1])
            error += float((mel - batch.mel).abs().mean(2)[inside].sum())
            frames += float(batch.frames.sum())
            valid = valid_mask(batch.counts, batch.tokens.shape[1])
            guess = network.acoustic.prosody(x, valid[..., None]).log_duration.exp() * valid
            moved += float((guess - batch.durations).abs()[valid].sum())
            tokens += float(valid.sum())
            for speaker, wanted, given in zip(
                batch.speakers.tolist(), batch.durations.sum(1).tolist(), guess.sum(1).tolist(), strict=True
            ):
                real[speaker] = real.get(speaker, 0.0) + wanted
                predicted[speaker] = predicted.get(speaker, 0.0) + given
    return error / frames, moved / tokens, {speaker: real[speaker] / predicted[speaker] for speaker in real}


def train(run: Run, words: phones.Pronunciations | None) -> None:
    """Trains until `plan.minutes` are over, earlier sessions included."""
    plan, network, sums, saved = run.plan, run.network, {}, run.log.minutes
    rng = np.random.default_rng([plan.seed, run.steps])
    torch.manual_seed(plan.seed + run.steps)
    known = {item.key: words.phones(item.text) if words else None for item in run.train}
    bar = tqdm(total=plan.minutes, disable=None, bar_format="{l_bar}{bar}{n:.1f}/{total:.0f} min {postfix}")
    batches = epochs(lambda: run.train, run.speakers, run.synthetic_share, plan.frames, rng)
    while run.done < 1:
        if run.realigned < len(plan.realign_at) and run.done > plan.realign_at[run.realigned]:
            recorded = [item for item in (*run.train, *run.valid) if item.heard is not None]
            moved = realign_all(run.average(), recorded)
            run.realigned += 1
            run.best = math.inf  # errors under other durations do not compare
            tqdm.write(f"realigned: a cut moved by {moved:.2f} frames in the mean")
        network.train()
        text_only = words is not None and run.done < plan.text_first
        losses = {}
        if not text_only:
            items = next(batches)
            with checkpoint.half_precision():
                losses = network.losses(collate(items, run.pitch), [known[item.key] for item in items])
        if text_only or (words is not None and run.done < TEXT_UNTIL and run.steps % TEXT_EVERY == 0):
            texts = words.sample(3 * plan.texts if text_only else plan.texts, rng)
            tokens, counts = text_batch(texts)
            with checkpoint.half_precision():
                states = network.acoustic.encoder(tokens, counts)
            pronounced = network.phone_loss(states, counts, [words.phones(text) for text in texts])
            losses["phones"] = losses["phones"] + pronounced if "phones" in losses else pronounced
        loss = sum(WEIGHTS[key] * value for key, value in losses.items())
        for group in run.optimiser.param_groups:
            group["lr"] = run.learning_rate() * group.get("eager", 1.0)
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


def exported(path: Path) -> Acoustic:
    """An exported model in torch again, its weights in half precision."""
    state = read_graph(path)
    model = Acoustic(AcousticDims(speakers=len(state["speaker.weight"])))
    fill(model, state)
    return model.eval()


def load_acoustic(path: Path) -> tuple[Acoustic, list[str]]:
    """A trained model from a run's `best.pt`, and its speakers' names."""
    state = checkpoint.load(path)
    network = Network(AcousticDims(**state["dims"]))
    network.load_state_dict(state["network"])
    return network.acoustic.eval(), state["speakers"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.voice.train_acoustic", description=__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("work/voice-acoustic"))
    parser.add_argument("--minutes", type=float, default=50.0)
    parser.add_argument("--init", type=Path, metavar="ONNX", help="start from an exported model's weights")
    parser.add_argument(
        "--texts", nargs="*", type=Path, default=[], help="more text to learn pronunciation from"
    )
    parser.add_argument("--cache", type=Path, default=Path("work/cache"))
    parser.add_argument("--lr", type=float, default=Plan.lr)
    parser.add_argument("--frames", type=int, default=Plan.frames, help="mel frames in a batch")
    parser.add_argument("--width", type=int, default=AcousticDims.width)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    speakers, known, held_out = corpora(args.corpora, args.cache)
    texts = [item.text for item in known] + [t for path in args.texts for t in sentences(path)]
    words = phones.pronunciations(texts)
    dims = AcousticDims(speakers=len(speakers), width=args.width)
    initial = None
    if args.init:
        initial = read_graph(args.init)
    first = 0.0 if args.init else TEXT_FIRST
    plan = Plan(args.minutes, args.lr, args.frames, text_first=first, seed=args.seed)
    run = Run(args.out, plan, dims, speakers, known, held_out, initial)
    print(f"{parameters(run.network.acoustic):,} parameters, users {dict(enumerate(speakers))}")
    train(run, words)


if __name__ == "__main__":
    main()
