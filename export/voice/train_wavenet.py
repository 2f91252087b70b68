"""Training WaveNet on recordings of the voices it shall have: python -m deepsc_export.voice.train_wavenet CORPORA...

What it costs is nats a sample: minus the logarithm of the probability of each sample's 16-bit level, teacher-forced.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.wavenet import SUBHOP

from .. import checkpoint
from ..data.audio import Speech
from ..data.corpora import CorpusError, load
from ..optimisation import descend, half_cosine
from .mel import HOP, log_mel
from .train_vocoder import SAVE_EVERY, WARM_UP, WORK, Recordings, draw
from .vocoder import Vocoder, VocoderDims
from .vocoder_onnx import read_vocoder
from .wavenet import CONFIGS, WaveNet, WaveNetDims, log_likelihood
from .wavenet_onnx import read_wavenet

MARGIN = 4  # frames on either side of a crop: context of its mels
BLUR = 0.1  # nepers at most, of the log-mels: acoustic models' are no recordings'
VALID_FRAMES = 62  # of each validation utterance, 1 s
VALID_UTTERANCES = 24


@dataclass(frozen=True)
class Plan:
    """How long and how fast."""

    minutes: float
    kept: int = 12  # frames of a crop, 0.2 s
    batch: int = 3
    lr: float = 2e-3
    noise: float = (
        0.15  # at most, of the excitation's standard deviation, in the samples that the network is told
    )
    seed: int = 0

    @property
    def frames(self) -> int:
        return self.kept + 2 * MARGIN


class Run:
    """A resumable training run in a folder: last.pt (everything), best.pt (averaged weights), log.csv."""

    def __init__(self, dims: WaveNetDims, folder: Path, plan: Plan, initial: dict[str, Tensor]):
        """`initial`: weights to start from, at least the pitch layer's where there is one."""
        self.dims, self.folder, self.plan = dims, Path(folder), plan
        torch.manual_seed(plan.seed)
        self.model = WaveNet(dims)
        self.model.load_state_dict(initial, strict=False)
        learnt = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(learnt, plan.lr, betas=(0.9, 0.99), weight_decay=0.01)
        self.ema = checkpoint.Ema(self.model)
        self.steps, self.best = 0, math.inf
        if (self.folder / "last.pt").is_file():
            self._resume(checkpoint.load(self.folder / "last.pt"))
        self.log = checkpoint.Log(self.folder / "log.csv", ["steps", "samples", "nats", "valid_nats"])

    def _resume(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema.state, self.ema.updates = state["ema"], state["updates"]
        self.steps, self.best = state["steps"], state["best"]
        print(f"resumed {self.folder} after {self.steps} steps, best {self.best:.4f} nats a sample")

    def average(self) -> WaveNet:
        average = WaveNet(self.dims)
        average.load_state_dict(self.ema.state)
        return average.eval()

    def save(self, nats: float, valid: Tensor) -> None:
        """Validates the averaged weights, logs, and keeps everything that a resumed run needs."""
        found = validate(self.average(), valid)
        samples = self.steps * self.plan.batch * self.plan.kept * HOP
        self.log.write(steps=self.steps, samples=samples, nats=round(nats, 4), valid_nats=round(found, 4))
        if found < self.best:
            self.best = found
            checkpoint.save(self.folder / "best.pt", {"dims": self.dims, "model": self.ema.state})
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "dims": self.dims,
        }
        state |= {"ema": self.ema.state, "updates": self.ema.updates, "steps": self.steps, "best": self.best}
        checkpoint.save(self.folder / "last.pt", state)
        tqdm.write(f"{self.log.minutes:6.1f} min  {self.steps} steps  {nats:.4f} nats, valid {found:.4f}")

    def set_learning_rate(self) -> None:
        """A short rise, then half a cosine over the planned minutes."""
        minutes = self.log.minutes
        rise = min(1.0, (minutes + 0.01) / WARM_UP)
        fall = half_cosine(minutes / self.plan.minutes)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.lr * rise * fall

    def step(self, waveform: Tensor) -> float:
        """One update; nats a sample."""
        mel = log_mel(waveform)
        blurred = mel + BLUR * torch.rand(len(mel), 1, 1) * torch.randn(mel.shape)
        told = waveform
        if self.dims.predicts:  # a generated past is never exactly what a recording's is
            gain = self.model.prediction(mel)[1].repeat_interleave(SUBHOP, 1)
            level = self.plan.noise * torch.rand(len(mel), 1)
            told = waveform + level * gain * torch.randn(waveform.shape)
        with checkpoint.half_precision():
            parameters = self.model(told, blurred, MARGIN)
        kept = waveform[:, MARGIN * HOP : -MARGIN * HOP]
        loss = -log_likelihood(parameters.float(), kept).mean()
        descend(self.optimiser, loss)
        self.ema.update(self.model)
        self.steps += 1
        return loss.item()


def validation(corpora: Sequence[Recordings]) -> Tensor:
    """The middle second of the first utterances of each: float32 [batch, samples], with margins."""
    frames, found = VALID_FRAMES + 2 * MARGIN, []
    for recordings in corpora:
        for i in range(min(VALID_UTTERANCES // len(corpora), len(recordings.speech))):
            samples = recordings.speech[i] * np.float32(recordings.gains[i])
            begin = max(0, len(samples) - frames * HOP) // 2
            part = samples[begin : begin + frames * HOP]
            found.append(np.pad(part, (0, frames * HOP - len(part))))
    return torch.from_numpy(np.stack(found))


def validate(model: WaveNet, waveforms: Tensor) -> float:
    """Mean nats a sample, in float32."""
    total = 0.0
    with torch.inference_mode():
        for waveform in waveforms.split(4):
            parameters = model(waveform, log_mel(waveform), MARGIN)
            total -= (
                log_likelihood(parameters, waveform[:, MARGIN * HOP : -MARGIN * HOP]).mean(1).sum().item()
            )
    return total / len(waveforms)


def train(run: Run, corpora: Sequence[Recordings], valid: Tensor) -> None:
    """Trains until `run.plan.minutes` have passed, those of earlier sessions included."""
    plan = run.plan
    rng = np.random.default_rng([plan.seed, run.steps])
    torch.manual_seed(plan.seed + run.steps)  # a resumed run draws other noise
    history, saved = [], run.log.minutes
    bar = tqdm(
        total=round(plan.minutes, 1), disable=None, bar_format="{l_bar}{bar}{n:.1f}/{total} min {postfix}"
    )
    while run.log.minutes < plan.minutes:
        run.set_learning_rate()
        history.append(run.step(draw(corpora, plan, rng).waveform))
        bar.n = run.log.minutes
        bar.set_postfix_str(f"{np.mean(history[-50:]):.3f} nats")
        if run.log.minutes - saved > SAVE_EVERY:
            run.save(float(np.mean(history)), valid)
            history, saved = [], run.log.minutes
    if history:
        run.save(float(np.mean(history)), valid)


def initial_weights(dims: WaveNetDims, folder: Path | None) -> dict[str, Tensor]:
    """Of the WaveNet shipped in `folder`, if one is given; else the pitch layer's only, from the fast vocoder."""
    if folder:
        return read_wavenet(folder, WaveNet(dims))
    if not dims.predicts:
        return {}
    vocoder = read_vocoder(VOICE / "vocoder.onnx", Vocoder(VocoderDims()))
    return {key: value for key, value in vocoder.items() if key.startswith("pitch.")}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.voice.train_wavenet", description=__doc__)
    parser.add_argument("corpora", nargs="+", type=Path, help="folders with metadata.csv and wavs/")
    parser.add_argument("--config", choices=CONFIGS, default="excitation")
    parser.add_argument("--out", type=Path, default=WORK / "voice-wavenet", help="folder of the run")
    parser.add_argument(
        "--minutes", type=float, default=60, help="of training in all, earlier sessions included"
    )
    parser.add_argument("--init", type=Path, metavar="DIR", help=f"start from shipped files, as in {VOICE}")
    parser.add_argument("--frames", type=int, default=Plan.kept, help="of 16 ms in a crop")
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--lr", type=float, default=Plan.lr)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    plan = Plan(args.minutes, args.frames, args.batch, lr=args.lr, seed=args.seed)
    try:
        utterances = [load(folder) for folder in args.corpora]
    except CorpusError as error:
        raise SystemExit(f"train_wavenet: {error}") from None
    cache = WORK / "cache"

    def part(split: str) -> list[Recordings]:
        return [Recordings(Speech([u for u in x if u.split == split], cache), cache) for x in utterances]

    dims = CONFIGS[args.config]
    run = Run(dims, args.out, plan, initial_weights(dims, args.init))
    train(run, part("train"), validation(part("valid")))


if __name__ == "__main__":
    main()
