"""Training the fast vocoder on speech of any speaker; discriminators join when spectra alone teach no more."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gr_deepsc.framing import SAMPLE_RATE

from ...training import checkpoint, options
from ...training.options import WORK
from ...training.run import Plan, Run
from ..acoustic.predict import predicted
from ..crops import Crops, Predicted, Recordings, draw, held_out, training
from ..mel import HOP, log_mel
from .export import read_vocoder
from .losses import Judges, feature_loss, fooling_loss, judge_loss, mel_distance, spectral_loss
from .model import OVERLAP, Vocoder, VocoderDims

LR, JUDGES_LR = 1e-3, 4e-4
RISE = (0.5, "minutes")
BATCH = 8
PREDICTED = 0.7  # of the batches, where an acoustic model's mels are at hand
FRAMES = 62  # of a crop, 1 s
VALID_UTTERANCES = 24
GUESSED_WEIGHT = 0.5  # of the spectra's losses where mels are an acoustic model's
# beside the spectra's
MEL_WEIGHT, PITCH_WEIGHT, FOOLING_WEIGHT, FEATURE_WEIGHT = 1.0, 0.2, 0.2, 1.0


def pitch_loss(logits: Tensor, octaves: Tensor, crops: Crops) -> Tensor:
    """Cross-entropy of F0 (blurred over a semitone, voiced frames only) and of voicing.

    Args:
        logits: [batch, frames, steps + 1], `Pitch.logits`.
        octaves: [steps], log2 of the Hz that they stand for.
    """
    steps, voicing = logits[..., :-1].float(), logits[..., -1].float()
    target = torch.exp(-0.5 * ((crops.f0.log2()[..., None] - octaves) / 0.03).square())
    target = target / target.sum(2, keepdim=True)
    entropy = -(target * steps.log_softmax(2)).sum(2)
    f0_loss = (entropy * crops.voiced).sum() / crops.voiced.sum().clamp(min=1)
    return f0_loss + F.binary_cross_entropy_with_logits(voicing, crops.voiced)


@torch.inference_mode()
def validate(model: Vocoder, waveforms: Sequence[np.ndarray]) -> float:
    """Mean mel distance of copy synthesis, pitch read off the mels, nepers; float32 [samples] each."""
    total = 0.0
    for samples in waveforms:
        wanted = torch.from_numpy(samples[: len(samples) // HOP * HOP])[None].to(model.noise.device)
        total += mel_distance(model(log_mel(wanted)), wanted).item()
    return total / len(waveforms)


class Training:
    """A run, resumed if its folder has one; `train()` goes on with it until its budget is used up.

    Attributes:
        run: best.pt has the latest `vocoder`: under discriminators it sounds better while its mel distance stays.
    """

    def __init__(
        self,
        plan: Plan,
        model: Vocoder,
        corpora: Sequence[Recordings | Predicted],
        valid: Sequence[np.ndarray],
        judged_from: float | None = None,
        predicted: Sequence[Predicted] = (),
        batch: int = BATCH,
        frames: int = FRAMES,
        lr: float = LR,
        judges: Judges | None = None,
    ):
        """Trains `model` on crops of so many mel frames, and validates on whole waveforms.

        Args:
            judged_from: minutes until discriminators join; None: never.
            predicted: what `PREDICTED` of the batches are drawn from, if there is any.
        """
        self.corpora, self.judged_from, self.batch, self.frames = corpora, judged_from, batch, frames
        self.predicted = predicted
        self.model, self.judges = model, judges or Judges()
        optimisers = {
            "vocoder": torch.optim.AdamW(model.parameters(), lr, betas=(0.8, 0.99), weight_decay=0.01),
            "judges": torch.optim.AdamW(self.judges.parameters(), JUDGES_LR, betas=(0.8, 0.99)),
        }
        self.run = Run(
            plan,
            {"vocoder": model, "judges": self.judges},
            optimisers,
            averaged=["vocoder"],
            fields=["mel", "spectral", "pitch", "fooling", "feature", "judge", "valid_mel"],
            about={"dims": asdict(model.dims)},
        )
        self._valid = valid

    def train(self) -> None:
        """Until the budget is used up."""
        self.run.train(self._step, lambda: {"valid_mel": validate(self.run.average("vocoder"), self._valid)})

    def _step(self) -> dict[str, Tensor]:
        run, model = self.run, self.model
        source = self.predicted if self.predicted and run.rng.random() < PREDICTED else self.corpora
        crops = draw(source, self.batch, self.frames, run.rng, run.device)
        run.hours += self.batch * self.frames * HOP / SAMPLE_RATE / 3600
        mel = log_mel(crops.waveform) if crops.mel is None else crops.mel
        batch, frames, _ = mel.shape
        blur = 0.1 * torch.rand(batch, 1, 1, device=mel.device)  # acoustic models' mels are blurred
        with run.half_precision():
            logits = model.pitch.logits(mel + blur * torch.randn_like(mel))
        noise = torch.randn(batch, (frames + OVERLAP - 1) * HOP, device=mel.device)
        start = torch.rand(batch, 1, device=mel.device)
        voicing = logits[..., -1].detach().float()
        made = model.synthesise(mel, crops.f0, voicing, noise, start, run.half_precision())
        losses = {
            "mel": mel_distance(made, crops.waveform),
            "spectral": spectral_loss(made, crops.waveform),
            "pitch": pitch_loss(logits, model.pitch.octaves, crops),
        }
        # where mels are guesses, the mean of all spectra that they may stand for is not what is wanted
        spectra = 1.0 if crops.mel is None else GUESSED_WEIGHT
        total = spectra * (losses["spectral"] + MEL_WEIGHT * losses["mel"]) + PITCH_WEIGHT * losses["pitch"]
        if self.judged_from is not None and run.minutes >= self.judged_from:
            losses |= self._judged(made, crops.waveform)
            total = total + FOOLING_WEIGHT * losses["fooling"] + FEATURE_WEIGHT * losses["feature"]
        run.descend("vocoder", total, 2.0)
        return losses

    def _judged(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """Trains the discriminators; what the vocoder loses by them."""
        half = self.frames // 2 * HOP  # half the crop is judged, it takes most of the time
        made, real = made[:, :half], real[:, :half]
        with self.run.half_precision():
            true, false = self.judges(real), self.judges(made.detach())
        judge = judge_loss(true, false)
        self.run.descend("judges", judge, 10.0)
        self.judges.requires_grad_(False)
        with self.run.half_precision():
            false = self.judges(made)
        self.judges.requires_grad_(True)
        return {"judge": judge, "fooling": fooling_loss(false), "feature": feature_loss(true, false)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `train vocoder`."""
    parser.add_argument("corpora", nargs="+", type=Path, help="folders with metadata.csv, the voices first")
    options.add_options(parser, WORK / "voice-vocoder", (60.0, "minutes"), LR)
    parser.add_argument("--adversarial-after", type=float, metavar="M", help="minutes until discriminators join")
    parser.add_argument("--save-every", type=float, default=5.0, metavar="M", help="minutes (default: 5)")
    parser.add_argument("--init", type=Path, metavar="FROM", help="start from vocoder.onnx or another run's folder")
    parser.add_argument("--judges", type=int, default=16, metavar="N", help="channels of the discriminators")
    parser.add_argument("--acoustic", type=Path, metavar="DIR", help="train on the mels of this run's model as well")
    parser.add_argument("--valid", type=int, default=2, help="the first so many corpora validate")
    parser.add_argument("--cache", type=Path, default=WORK / "cache")
    parser.add_argument("--batch", type=int, default=BATCH)


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on with, the run in `args.out`."""
    plan = options.plan(args, rise=RISE, save_every=(args.save_every, "minutes"))
    torch.backends.cudnn.allow_tf32 = False  # `source.Fourier` is a convolution: 10 bits are too few for a spectrum
    model = Vocoder(VocoderDims())
    judges = Judges(args.judges)
    if args.init and args.init.is_dir():
        model.load_state_dict(checkpoint.best(args.init).networks["vocoder"])
        if (last := args.init / "last.pt").is_file():
            judges.load_state_dict(checkpoint.load(last)["networks"]["judges"])
    elif args.init:
        model.load_state_dict(read_vocoder(args.init))
    corpora = training(args.corpora, args.cache)
    valid = held_out(args.corpora[: args.valid], VALID_UTTERANCES, args.cache)
    said = predicted(args.acoustic, args.corpora, args.cache, plan.device) if args.acoustic else []
    Training(plan, model, corpora, valid, args.adversarial_after, said, args.batch, lr=args.lr, judges=judges).train()
