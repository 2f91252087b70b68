"""A training run of so many minutes: its learning rate, averaged weights, log and checkpoints. It can be resumed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from . import checkpoint
from .optimisation import descend, straight


class TimedRun:
    """AdamW whose rate rises over `warm_up` updates and falls in a straight line; `folder` keeps what it needs.

    That is last.pt (everything), best.pt (averaged weights) and log.csv. Made again with the same folder, it goes on
    where it was saved.

    Attributes:
        steps: updates so far, those of earlier sessions included.
    """

    def __init__(
        self,
        model: nn.Module,
        folder: Path,
        minutes: float,
        lr: float,
        warm_up: int,
        save_every: float,
        fields: Sequence[str],
        about: dict | None = None,
    ):
        """`minutes` in all, `save_every` so many; `fields` of the log; `about` the model, kept in best.pt."""
        self._model, self._folder, self._minutes, self._lr, self._warm_up = (
            model,
            folder,
            minutes,
            lr,
            warm_up,
        )
        self._save_every, self._about = save_every, about or {}
        self._optimiser = torch.optim.AdamW(model.parameters(), lr, betas=(0.9, 0.98), weight_decay=0.01)
        self._ema, self.steps = checkpoint.Ema(model), 0
        if (folder / "last.pt").is_file():
            state = checkpoint.load(folder / "last.pt")
            model.load_state_dict(state["model"])
            self._optimiser.load_state_dict(state["optimiser"])
            self._ema.state, self._ema.updates, self.steps = state["ema"], state["updates"], state["steps"]
        self._log = checkpoint.Log(folder / "log.csv", ["steps", "nats", *fields])
        self._losses, self._saved = [], self.minutes
        form = "{l_bar}{bar}{n:.1f}/{total} min {postfix}"
        self._bar = tqdm(total=minutes, disable=None, bar_format=form)

    @property
    def minutes(self) -> float:
        """Minutes of training, earlier sessions included."""
        return self._log.minutes

    @property
    def done(self) -> float:
        """Share of the run that is over: 1 and more when it is finished."""
        return self.minutes / self._minutes

    def step(self, loss: Tensor) -> None:
        """One update."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._lr * min(1.0, (self.steps + 1) / self._warm_up) * straight(self.done)
        descend(self._optimiser, loss)
        self._ema.update(self._model)
        self._losses.append(loss.item())
        self.steps += 1
        self._bar.n = self.minutes
        self._bar.set_postfix_str(f"{np.mean(self._losses[-50:]):.3f} nats")

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return self.minutes - self._saved > self._save_every or self.done >= 1

    def averaged(self, like: nn.Module) -> nn.Module:
        """`like`, a model of the same kind, with the averaged weights."""
        like.load_state_dict(self._ema.state)
        return like.eval()

    def save(self, **figures: float) -> None:
        """Logs the mean loss and the validation's `figures`, and keeps everything that a resumed run needs."""
        nats = float(np.mean(self._losses))
        figures = {name: round(value, 4) for name, value in figures.items()}
        self._log.write(steps=self.steps, nats=round(nats, 4), **figures)
        tqdm.write(f"{self.minutes:6.1f} min  {self.steps} updates  {nats:.4f} nats  {figures}")
        checkpoint.save(self._folder / "best.pt", {"model": self._ema.state} | self._about)
        state = {"model": self._model.state_dict(), "optimiser": self._optimiser.state_dict()}
        state |= {"ema": self._ema.state, "updates": self._ema.updates, "steps": self.steps}
        checkpoint.save(self._folder / "last.pt", state)
        self._losses, self._saved = [], self.minutes
