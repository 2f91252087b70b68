"""Training the fast vocoder on speech of any speaker: python -m deepsc_export.voice.train_vocoder CORPORA..."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from .. import checkpoint
from ..data.audio import Speech
from ..data.corpora import CorpusError, load
from ..optimisation import descend, half_cosine
from .mel import HOP, RMS, log_mel
from .pitch import track
from .vocoder import OVERLAP, Vocoder, VocoderDims
from .vocoder_losses import (
    Judges,
    feature_loss,
    fooling_loss,
    judge_loss,
    mel_distance,
    spectral_loss,
)
from .vocoder_onnx import read_vocoder

WORK = Path("work")
SAVE_EVERY = 5.0  # minutes
WARM_UP = 0.5  # minutes in which the learning rate rises
LEVELS = (0.35, 2.0)  # gains of a training crop: the vocoder works at any usual level
VALID_UTTERANCES = 24


@dataclass(frozen=True)
class Plan:
    """How long and how fast."""

    minutes: float
    adversarial_after: float | None = None  # minutes; None = never
    batch: int = 8
    frames: int = 62  # of a crop, 1 s
    lr: float = 1e-3
    judge_lr: float = 4e-4
    mel_weight: float = 1.0
    fooling_weight: float = 0.2
    feature_weight: float = 1.0
    seed: int = 0


@dataclass
class Crops:
    """Some seconds of waveform with the pitch of their frames."""

    waveform: Tensor  # float32 [batch, 256 frames]
    f0: Tensor  # float32 [batch, frames + 1], Hz; through unvoiced frames interpolated
    voiced: Tensor  # float32 [batch, frames + 1], 1 or 0


class Recordings:
    """One corpus and its pitch, from which crops are drawn in proportion to the utterances' lengths."""

    def __init__(self, speech: Speech, cache: Path):
        self.speech = speech
        self.tracks = pitch_tracks(speech, cache)
        self.gains = [RMS / max(math.sqrt(np.square(speech[i]).mean()), 1e-4) for i in range(len(speech))]

    def crop(self, rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weights = self.speech.lengths / self.speech.lengths.sum()
        i = rng.choice(len(self.speech), p=weights)
        begin = int(rng.integers(max(1, len(self.tracks[i]) - frames)))
        samples = self.speech[i][begin * HOP : (begin + frames) * HOP] * np.float32(self.gains[i])
        f0 = self.tracks[i][begin : begin + frames + 1]
        samples = np.pad(samples, (0, frames * HOP - len(samples)))
        f0 = np.pad(f0, (0, frames + 1 - len(f0)))
        return samples, through(f0), f0 > 0


def through(f0: np.ndarray) -> np.ndarray:
    """F0 with unvoiced frames (0) interpolated on a logarithmic scale; 160 Hz where nothing is voiced."""
    voiced = np.flatnonzero(f0)
    if not len(voiced):
        return np.full(len(f0), 160, np.float32)
    return np.exp(np.interp(np.arange(len(f0)), voiced, np.log(f0[voiced]))).astype(np.float32)


def pitch_tracks(speech: Speech, cache: Path) -> list[np.ndarray]:
    """`pitch.track` of every utterance, computed once."""
    path = Path(cache) / f"pitch-{speech.digest}.npz"
    if not path.is_file():
        found = [track(speech[i]) for i in tqdm(range(len(speech)), "pitch", unit="utt", disable=None)]
        np.savez(path, f0=np.concatenate(found), counts=[len(f) for f in found])
    with np.load(path) as file:
        return np.split(file["f0"], np.cumsum(file["counts"])[:-1])


def draw(corpora: Sequence[Recordings], plan: Plan, rng: np.random.Generator) -> Crops:
    """A batch in which every corpus, long or short, has the same share, at random levels."""
    rows = [corpora[rng.integers(len(corpora))].crop(rng, plan.frames) for _ in range(plan.batch)]
    samples, f0, voiced = (torch.from_numpy(np.stack(x).astype(np.float32)) for x in zip(*rows, strict=True))
    gains = np.exp(rng.uniform(*np.log(LEVELS), (plan.batch, 1)))
    return Crops(samples * torch.from_numpy(gains).float(), f0, voiced)


def pitch_loss(logits: Tensor, octaves: Tensor, crops: Crops) -> Tensor:
    """Cross-entropy of F0 (blurred over a semitone, voiced frames only) and of voicing."""
    steps, voicing = logits[..., :-1].float(), logits[..., -1].float()
    target = torch.exp(-0.5 * ((crops.f0.log2()[..., None] - octaves) / 0.03).square())
    target = target / target.sum(2, keepdim=True)
    entropy = -(target * steps.log_softmax(2)).sum(2)
    f0_loss = (entropy * crops.voiced).sum() / crops.voiced.sum().clamp(min=1)
    return f0_loss + F.binary_cross_entropy_with_logits(voicing, crops.voiced)


class Run:
    """A resumable training run in a folder: last.pt (everything), best.pt (averaged weights), log.csv."""

    def __init__(self, dims: VocoderDims, folder: Path, plan: Plan, initial: dict[str, Tensor] | None = None):
        self.dims, self.folder, self.plan = dims, Path(folder), plan
        torch.manual_seed(plan.seed)
        self.model, self.judges = Vocoder(dims), Judges()
        if initial is not None:
            self.model.load_state_dict(initial)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), betas=(0.8, 0.99), weight_decay=0.01)
        self.judge_optimiser = torch.optim.AdamW(self.judges.parameters(), betas=(0.8, 0.99))
        self.ema = checkpoint.Ema(self.model)
        self.steps, self.best = 0, math.inf
        if (self.folder / "last.pt").is_file():
            self._resume(checkpoint.load(self.folder / "last.pt"))
        fields = ["steps", "spectral", "mel", "pitch", "fooling", "feature", "judge", "valid_mel"]
        self.log = checkpoint.Log(self.folder / "log.csv", fields)

    def _resume(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.judges.load_state_dict(state["judges"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.judge_optimiser.load_state_dict(state["judge_optimiser"])
        self.ema.state, self.ema.updates = state["ema"], state["updates"]
        self.steps, self.best = state["steps"], state["best"]
        print(f"resumed {self.folder} after {self.steps} steps, best mel distance {self.best:.4f}")

    def average(self) -> Vocoder:
        average = Vocoder(self.dims)
        average.load_state_dict(self.ema.state)
        return average.eval()

    def save(self, losses: dict[str, float], valid: Speech) -> None:
        """Validates the averaged weights, logs, and keeps everything that a resumed run needs."""
        distance = validate(self.average(), valid)
        figures = {key: round(value, 4) for key, value in losses.items()}
        self.log.write(steps=self.steps, valid_mel=round(distance, 4), **figures)
        self.best = min(self.best, distance)
        # not the best but the latest: adversarial training sounds better while the mel distance stands still
        checkpoint.save(self.folder / "best.pt", {"dims": self.dims, "model": self.ema.state})
        state = {"model": self.model.state_dict(), "judges": self.judges.state_dict(), "ema": self.ema.state}
        state |= {
            "optimiser": self.optimiser.state_dict(),
            "judge_optimiser": self.judge_optimiser.state_dict(),
        }
        state |= {"updates": self.ema.updates, "steps": self.steps, "best": self.best, "dims": self.dims}
        checkpoint.save(self.folder / "last.pt", state)
        tqdm.write(f"{self.log.minutes:6.1f} min  {self.steps} steps  valid {distance:.4f}  {figures}")

    def set_learning_rates(self) -> None:
        """A short rise, then half a cosine over the planned minutes."""
        minutes = self.log.minutes
        rise = min(1.0, (minutes + 0.01) / WARM_UP)
        fall = half_cosine(minutes / self.plan.minutes)
        for optimiser, peak in ((self.optimiser, self.plan.lr), (self.judge_optimiser, self.plan.judge_lr)):
            for group in optimiser.param_groups:
                group["lr"] = peak * rise * fall

    def step(self, crops: Crops, adversarial: bool) -> dict[str, float]:
        """One update of the vocoder and, when `adversarial`, of the discriminators; the losses by name."""
        model, plan, losses = self.model, self.plan, {}
        mel = log_mel(crops.waveform)
        batch, frames, _ = mel.shape
        blurred = mel + 0.1 * torch.rand(batch, 1, 1) * torch.randn(mel.shape)  # as acoustic models' are
        with checkpoint.half_precision():
            logits = model.pitch.logits(blurred)
        losses["pitch"] = pitch_loss(logits, model.pitch.octaves, crops)
        noise = torch.randn(batch, (frames + OVERLAP - 1) * HOP)
        voicing, start = logits[..., -1].detach().float(), torch.rand(batch, 1)
        made = model.synthesise(mel, crops.f0, voicing, noise, start, checkpoint.half_precision())
        losses["spectral"] = spectral_loss(made, crops.waveform)
        losses["mel"] = mel_distance(made, crops.waveform)
        total = losses["spectral"] + plan.mel_weight * losses["mel"] + 0.2 * losses["pitch"]
        if adversarial:
            half = plan.frames // 2 * HOP  # half the crop is judged, it takes most of the time
            made_half, real_half = made[:, :half], crops.waveform[:, :half]
            with checkpoint.half_precision():
                real, false = self.judges(real_half), self.judges(made_half.detach())
            losses["judge"] = judge_loss(real, false)
            descend(self.judge_optimiser, losses["judge"], 10.0)
            self.judges.requires_grad_(False)
            with checkpoint.half_precision():
                false = self.judges(made_half)
            self.judges.requires_grad_(True)
            losses["fooling"], losses["feature"] = fooling_loss(false), feature_loss(real, false)
            total = total + plan.fooling_weight * losses["fooling"] + plan.feature_weight * losses["feature"]
        descend(self.optimiser, total, 2.0)
        self.ema.update(model)
        self.steps += 1
        return {key: value.item() for key, value in losses.items()}


def validate(model: Vocoder, speech: Speech) -> float:
    """Mean mel distance of copy synthesis, pitch read off the mels, over the first utterances."""
    total = 0.0
    with torch.inference_mode():
        for i in range(min(VALID_UTTERANCES, len(speech))):
            samples = speech[i] * np.float32(RMS / max(math.sqrt(np.square(speech[i]).mean()), 1e-4))
            wanted = torch.from_numpy(samples[: len(samples) // HOP * HOP])[None]
            total += mel_distance(model(log_mel(wanted)), wanted).item()
    return total / min(VALID_UTTERANCES, len(speech))


def train(run: Run, corpora: Sequence[Recordings], valid: Speech) -> None:
    """Trains until `run.plan.minutes` have passed, those of earlier sessions included."""
    plan = run.plan
    rng = np.random.default_rng([plan.seed, run.steps])
    torch.manual_seed(plan.seed + run.steps)  # a resumed run draws other noise
    history, saved = [], run.log.minutes
    bar = tqdm(
        total=round(plan.minutes, 1), disable=None, bar_format="{l_bar}{bar}{n:.1f}/{total} min {postfix}"
    )
    while run.log.minutes < plan.minutes:
        adversarial = plan.adversarial_after is not None and run.log.minutes >= plan.adversarial_after
        run.set_learning_rates()
        history.append(run.step(draw(corpora, plan, rng), adversarial))
        bar.n = run.log.minutes
        bar.set_postfix_str(f"mel {np.mean([h['mel'] for h in history[-50:]]):.3f}")
        if run.log.minutes - saved > SAVE_EVERY:
            run.save(means(history), valid)
            history, saved = [], run.log.minutes
    if history:
        run.save(means(history), valid)


def means(history: Sequence[dict[str, float]]) -> dict[str, float]:
    keys = {key for losses in history for key in losses}
    return {key: float(np.mean([losses[key] for losses in history if key in losses])) for key in sorted(keys)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.voice.train_vocoder", description=__doc__)
    parser.add_argument(
        "corpora", nargs="+", type=Path, help="folders with metadata.csv and wavs/, the voices first"
    )
    parser.add_argument("--out", type=Path, default=WORK / "voice-vocoder", help="folder of the run")
    parser.add_argument(
        "--minutes", type=float, default=60, help="of training in all, earlier sessions included"
    )
    parser.add_argument(
        "--adversarial-after", type=float, metavar="M", help="minutes until discriminators join"
    )
    parser.add_argument("--init", type=Path, metavar="ONNX", help="start from a shipped vocoder.onnx")
    parser.add_argument("--valid", type=int, default=2, help="the first so many corpora validate")
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--lr", type=float, default=Plan.lr)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    plan = Plan(args.minutes, args.adversarial_after, args.batch, lr=args.lr, seed=args.seed)
    try:
        utterances = [load(folder) for folder in args.corpora]
    except CorpusError as error:
        raise SystemExit(f"train_vocoder: {error}") from None
    cache = WORK / "cache"
    corpora = [Recordings(Speech([u for u in x if u.split == "train"], cache), cache) for x in utterances]
    held_out = [[u for u in x if u.split == "valid"] for x in utterances[: args.valid]]
    valid = Speech([u for x in held_out for u in x[: VALID_UTTERANCES // len(held_out)]], cache)
    initial = read_vocoder(args.init, Vocoder(VocoderDims())) if args.init else None
    run = Run(VocoderDims(), args.out, plan, initial)
    train(run, corpora, valid)


if __name__ == "__main__":
    main()
