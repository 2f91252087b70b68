"""Training the semantic encoder: CTC on transcribed speech."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gr_deepsc.ctc.greedy import greedy

from . import checkpoint
from .config import CONFIGS, Config, WhisperDims
from .data.audio import Speech
from .data.augment import SpecAugment, change_speed, degrade
from .data.batches import collate, endless, plan
from .metrics import error_rates
from .models.recogniser import build, ctc_loss, frames_of
from .models.whisper import load_pretrained
from .optimisation import descend, half_cosine

WARM_UP = (
    0.03  # of the run: the learning rate rises, and a pretrained encoder under a new head stays as it is
)
SAVE_EVERY = 5.0  # minutes


def recognise(model: nn.Module, speech: Speech, batch_seconds: float = 120) -> list[str]:
    """The greedy text of every utterance, without a channel."""
    model.eval()
    texts = [""] * len(speech)
    with torch.inference_mode():
        for group in plan(speech.lengths, batch_seconds):
            batch = collate(speech, group)
            log_probs = model(batch.waveform, batch.lengths).log_softmax(-1).numpy()
            for i, frames, row in zip(group, frames_of(batch.lengths).tolist(), log_probs, strict=True):
                texts[i], _ = greedy(row[:frames])
    return texts


def validate(model: nn.Module, speech: Speech) -> tuple[float, float]:
    return error_rates([u.text for u in speech.utterances], recognise(model, speech))


def load_recogniser(path: Path) -> tuple[Config, nn.Module]:
    """A trained semantic encoder from a run's `best.pt`."""
    state = checkpoint.load(path)
    config = CONFIGS[state["config"]]
    model = build(config.encoder)
    model.load_state_dict(state["model"])
    return config, model.eval()


@dataclass(frozen=True)
class Plan:
    """How long and how fast: `hours` of speech in all (repeats counted), peak learning rates."""

    hours: float
    batch_seconds: float = 64.0
    lr: float = 1e-3
    encoder_lr: float = 8e-5  # of a pretrained encoder
    seed: int = 0
    augment: bool = True  # a network too small or too young to over-fit learns faster without


class Run:
    """A resumable training run in a folder: last.pt (everything), best.pt (averaged weights), log.csv."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        plan: Plan,
        initial: dict[str, Tensor] | None = None,
        whisper: Path | None = None,
        helper: nn.Module | None = None,
    ):
        """Starts from `initial` weights, or from Whisper's encoder in a CTranslate2 file, or from chance.

        `helper` is trained along, and kept in last.pt only: what the network needs while it learns.
        """
        self.config, self.folder, self.plan = config, Path(folder), plan
        self.helper = nn.Module() if helper is None else helper
        self.model = build(config.encoder)
        if initial is not None:
            self.model.load_state_dict(initial, strict=False)  # the files hold no num_batches_tracked
        elif whisper is not None:
            load_pretrained(self.model.encoder, whisper)
        pretrained = list(self.model.encoder.parameters()) if isinstance(config.encoder, WhisperDims) else []
        known = {id(parameter) for parameter in pretrained}
        new = [parameter for parameter in self.model.parameters() if id(parameter) not in known]
        new += self.helper.parameters()
        groups = [{"params": new, "peak": plan.lr, "wait": False}]
        if pretrained:
            groups.append({"params": pretrained, "peak": plan.encoder_lr, "wait": initial is None})
        self.optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
        self.ema = checkpoint.Ema(self.model)
        self.seen, self.best = 0.0, math.inf  # hours of speech, CER
        if (self.folder / "last.pt").is_file():
            self._resume(checkpoint.load(self.folder / "last.pt"))
        self.log = checkpoint.Log(self.folder / "log.csv", ["hours", "loss", "valid_cer", "valid_wer"])

    def _resume(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.helper.load_state_dict(state["helper"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema.state, self.ema.updates = state["ema"], state["updates"]
        self.seen, self.best = state["seen"], state["best"]
        print(f"resumed {self.folder} after {self.seen:.2f} h of speech, best CER {self.best:.4f}")

    def set_learning_rates(self) -> None:
        """A linear rise, then half a cosine; what waits starts only when the new layers have settled."""
        done = self.seen / self.plan.hours
        fall = half_cosine(done)
        for group in self.optimiser.param_groups:
            rise = min(1.0, done / WARM_UP)
            group["lr"] = group["peak"] * fall * (0.0 if group["wait"] and rise < 1 else rise)

    def save(self, loss: float, valid: Speech) -> None:
        """Validates the averaged weights, logs, and keeps everything that a resumed run needs."""
        self.record(loss, *validate(self.average(), valid))

    def average(self) -> nn.Module:
        """The network with the averaged weights, which are the ones that are validated and kept."""
        average = build(self.config.encoder)
        average.load_state_dict(self.ema.state)
        return average

    def record(self, loss: float, cer: float, wer: float) -> None:
        """Logs the averaged weights' error rates and keeps the best of them."""
        figures = {"loss": round(loss, 4), "valid_cer": round(cer, 4), "valid_wer": round(wer, 4)}
        self.log.write(hours=round(self.seen, 3), **figures)
        if cer < self.best:
            self.best = cer
            checkpoint.save(self.folder / "best.pt", {"config": self.config.name, "model": self.ema.state})
        state = {"config": self.config.name, "model": self.model.state_dict(), "ema": self.ema.state}
        state |= {"helper": self.helper.state_dict(), "optimiser": self.optimiser.state_dict()}
        state["updates"] = self.ema.updates
        checkpoint.save(self.folder / "last.pt", state | {"seen": self.seen, "best": self.best})
        tqdm.write(f"{self.seen:7.2f} h  loss {loss:.4f}  valid CER {cer:.4f}  WER {wer:.4f}")


def train(run: Run, speech: Speech, valid: Speech) -> None:
    """Trains until `run.plan.hours` of speech have been seen."""
    rng = np.random.default_rng([run.plan.seed, int(run.seen * 3600)])
    torch.manual_seed(run.plan.seed)
    losses, saved = [], run.log.minutes
    form = "{l_bar}{bar}{n:.2f}/{total:.0f} h of speech {postfix}"
    bar = tqdm(total=run.plan.hours, initial=run.seen, disable=None, bar_format=form)
    augment = run.plan.augment
    spec_augment = SpecAugment(rng) if augment else None
    speed = (lambda samples: change_speed(samples, rng)) if augment else (lambda samples: samples)
    for batch in endless(speech, run.plan.batch_seconds, rng, speed):
        frames = frames_of(batch.lengths)
        with checkpoint.half_precision():
            if augment:
                for row, length in zip(batch.waveform, batch.lengths.tolist(), strict=True):
                    row[:length] = torch.from_numpy(degrade(row[:length].numpy(), rng))
            run.model.train()
            logits = run.model(batch.waveform, batch.lengths, spec_augment).float()
        loss = ctc_loss(logits, frames, batch.tokens, batch.token_counts)
        run.set_learning_rates()
        descend(run.optimiser, loss, 2.0)
        run.ema.update(run.model)
        run.seen += batch.seconds / 3600
        losses.append(loss.item())
        bar.set_postfix_str(f"loss {np.mean(losses[-50:]):.3f}")
        bar.update(batch.seconds / 3600)
        finished = run.seen >= run.plan.hours
        if finished or run.log.minutes - saved > SAVE_EVERY:
            run.save(float(np.mean(losses)), valid)
            losses, saved = [], run.log.minutes
        if finished:
            return
