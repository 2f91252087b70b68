"""Training WaveNet on recordings of the voices it shall have, teacher-forced.

What it costs is nats a sample: minus the logarithm of the probability of each sample's 16-bit level.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.wavenet import SUBHOP

from ...training import options
from ...training.options import WORK
from ...training.run import Plan, Run
from ..crops import Recordings, draw, held_out, training
from ..mel import HOP, log_mel
from ..vocoder.export import read_vocoder
from .export import read_wavenet
from .mixture import log_likelihood
from .model import CONFIGS, WaveNet, WaveNetDims

LR = 2e-3
RISE = (0.5, "minutes")
BATCH = 3
KEPT = 12  # frames of a crop, 0.2 s
MARGIN = 4  # frames on either side of a crop: context of its mels
BLUR = 0.1  # nepers at most, of the log-mels: acoustic models' are no recordings'
NOISE = 0.15  # at most, of the excitation's standard deviation, in the samples that the network is told
VALID_FRAMES = 62  # of each validation utterance, 1 s
VALID_UTTERANCES = 24


def initial_weights(dims: WaveNetDims, folder: Path | None) -> dict[str, Tensor]:
    """Of the WaveNet shipped in `folder`, if one is given; else the pitch layer's only, from the fast vocoder."""
    if folder:
        return read_wavenet(folder, dims)
    if not dims.predicts:
        return {}
    vocoder = read_vocoder(VOICE / "vocoder.onnx")
    return {key: value for key, value in vocoder.items() if key.startswith("pitch.")}


def middles(waveforms: Sequence[np.ndarray]) -> Tensor:
    """The middle second of each, with margins: float32 [batch, samples]."""
    length, found = (VALID_FRAMES + 2 * MARGIN) * HOP, []
    for samples in waveforms:
        begin = max(0, len(samples) - length) // 2
        part = samples[begin : begin + length]
        found.append(np.pad(part, (0, length - len(part))))
    return torch.from_numpy(np.stack(found))


@torch.inference_mode()
def validate(model: WaveNet, waveforms: Tensor) -> float:
    """Mean nats a sample, in float32: of [batch, samples], of which the outer `MARGIN` frames are context."""
    total = 0.0
    for waveform in waveforms.to(model.past.device).split(4):
        parameters = model(waveform, log_mel(waveform), MARGIN)
        total -= log_likelihood(parameters, kept(waveform)).mean(1).sum().item()
    return total / len(waveforms)


def kept(waveform: Tensor) -> Tensor:
    """Without the margins."""
    return waveform[:, MARGIN * HOP : -MARGIN * HOP]


class Training:
    """A run, resumed if its folder has one; `train()` goes on with it until its budget is used up.

    Attributes:
        run: best.pt has `wavenet`, by the fewest nats.
    """

    def __init__(
        self,
        plan: Plan,
        model: WaveNet,
        corpora: Sequence[Recordings],
        valid: Tensor,
        batch: int = BATCH,
        frames: int = KEPT,
        lr: float = LR,
    ):
        """Trains `model` on crops of so many mel frames; `valid`: float32 [batch, samples], margins included."""
        self.corpora, self.batch, self.frames, self.model = corpora, batch, frames, model
        learnt = [p for p in model.parameters() if p.requires_grad]
        self.run = Run(
            plan,
            {"wavenet": model},
            {"wavenet": torch.optim.AdamW(learnt, lr, betas=(0.9, 0.99), weight_decay=0.01)},
            averaged=["wavenet"],
            fields=["nats", "valid_nats"],
            best="valid_nats",
            about={"dims": asdict(model.dims)},
        )
        self._valid = valid

    def train(self) -> None:
        """Until the budget is used up."""
        self.run.train(self._step, lambda: {"valid_nats": validate(self.run.average("wavenet"), self._valid)})

    def _step(self) -> dict[str, Tensor]:
        run, model = self.run, self.model
        waveform = draw(self.corpora, self.batch, self.frames + 2 * MARGIN, run.rng, run.device).waveform
        run.hours += self.batch * self.frames * HOP / SAMPLE_RATE / 3600
        mel = log_mel(waveform)
        level = torch.rand(2, len(mel), 1, device=mel.device)
        blurred, told = mel + BLUR * level[0, :, None] * torch.randn_like(mel), waveform
        if model.dims.predicts:  # a generated past is never exactly what a recording's is
            gain = model.prediction(mel)[1].repeat_interleave(SUBHOP, 1)
            told = waveform + NOISE * level[1] * gain * torch.randn_like(waveform)
        with run.half_precision():
            parameters = model(told, blurred, MARGIN)
        nats = -log_likelihood(parameters.float(), kept(waveform)).mean()
        run.descend("wavenet", nats)
        return {"nats": nats}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `train wavenet`."""
    parser.add_argument("corpora", nargs="+", type=Path, help="folders with metadata.csv and wavs/")
    parser.add_argument("--config", choices=CONFIGS, default="excitation")
    options.add_options(parser, WORK / "voice-wavenet", (60.0, "minutes"), LR)
    parser.add_argument("--init", type=Path, metavar="DIR", help=f"start from shipped files, as in {VOICE}")
    parser.add_argument("--cache", type=Path, default=WORK / "cache")
    parser.add_argument("--frames", type=int, default=KEPT, help="of 16 ms in a crop")
    parser.add_argument("--batch", type=int, default=BATCH)


def run(args: argparse.Namespace) -> None:
    """Trains, or goes on with, the run in `args.out`."""
    plan, dims = options.plan(args, rise=RISE), CONFIGS[args.config]
    model = WaveNet(dims)
    model.load_state_dict(initial_weights(dims, args.init), strict=False)
    corpora = training(args.corpora, args.cache)
    valid = middles(held_out(args.corpora, VALID_UTTERANCES, args.cache))
    Training(plan, model, corpora, valid, args.batch, args.frames, args.lr).train()
