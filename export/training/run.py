"""The one training loop: every network of this project learns in it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm import tqdm

from . import checkpoint
from .optimisation import Average, descend, half_cosine, half_precision, pick_device

Span = tuple[float, str]  # an amount, and of what: "minutes" of training, "hours" of speech seen, or "steps"
Losses = Mapping[str, Tensor | float]


@dataclass(frozen=True)
class Plan:
    """Where, how long and how fast a run trains; its peak learning rates stand in the optimisers."""

    folder: Path
    budget: Span  # in all, earlier sessions included
    rise: Span = (0.0, "steps")  # in which the learning rate rises from 0
    fall: Callable[[float], float] = half_cosine  # done -> share of the peak rate
    save_every: Span = (5.0, "minutes")
    seed: int = 0
    device: str | None = None  # CUDA if there is one


class Run:
    """A training run in a folder: last.pt (to go on from), best.pt (the networks to use) and log.csv.

    Made again with the same folder, it goes on where it was saved. Networks are moved to `device`; batches are for
    the caller to move. An optimiser's group with `wait` set stands still while the others' rate rises.

    Attributes:
        networks, optimisers: by name.
        device: torch.device.
        steps, hours: updates and hours of speech so far, earlier sessions included; a step adds to `hours` itself.
        best: the smallest figure so far.
        extra: what else last.pt shall hold, tensors and plain values; as it was saved if the run is resumed.
        rng: drawn from for batches; another one in every session. torch's generator is seeded likewise.
    """

    def __init__(
        self,
        plan: Plan,
        networks: Mapping[str, nn.Module],
        optimisers: Mapping[str, Optimizer],
        averaged: Sequence[str],
        fields: Sequence[str],
        best: str | None = None,
        decay: float = 0.999,
        about: dict | None = None,
        extra: dict | None = None,
        chief: bool = True,
    ):
        """Resumes if `plan.folder` has a last.pt.

        Args:
            averaged: names of the networks that best.pt holds, as moving averages of their weights.
            fields: of log.csv, behind minutes, hours and steps: names of losses and of validation's figures.
            best: the figure by which best.pt is chosen, the smallest; None keeps the latest.
            decay: of the moving average; 0 keeps the weights as they are.
            about: plain values that best.pt holds beside the networks: their dimensions, say.
            chief: of the processes that train together, the one that logs, validates and saves.
        """
        self.plan, self.device = plan, pick_device(plan.device)
        self.networks, self.optimisers = dict(networks), dict(optimisers)
        self.steps, self.hours, self.best, self.extra = 0, 0.0, math.inf, extra or {}
        self._best, self._about, self._chief, self._before = best, about or {}, chief, 0.0
        self._averages = {name: Average(self.networks[name], decay) for name in averaged}
        for network in (*self.networks.values(), *(a.network for a in self._averages.values())):
            network.to(self.device)
        peaks = {n: [group["lr"] for group in o.param_groups] for n, o in self.optimisers.items()}
        resumed = (plan.folder / "last.pt").is_file()
        if resumed:
            self._resume(checkpoint.load(plan.folder / "last.pt"))
        for name, optimiser in self.optimisers.items():  # those asked for now, not those of the saved run
            for group, peak in zip(optimiser.param_groups, peaks[name], strict=True):
                group["peak"] = peak
        self._start = monotonic()
        columns = ["minutes", "hours", "steps", *fields]
        self._log = checkpoint.Log(plan.folder / "log.csv", columns, resumed) if chief else None
        torch.manual_seed(plan.seed + self.steps)
        self.rng = np.random.default_rng([plan.seed, self.steps])

    @property
    def minutes(self) -> float:
        """Minutes of training, earlier sessions included."""
        return self._before + (monotonic() - self._start) / 60

    @property
    def done(self) -> float:
        """Share of the budget that is used up: 1 and more when the run is finished."""
        return self._passed(self.plan.budget) / self.plan.budget[0]

    def average(self, name: str) -> nn.Module:
        """The network with averaged weights, on `device` and set to evaluate: what is validated and kept."""
        return self._averages[name].network.eval()

    def half_precision(self) -> torch.autocast:
        """bfloat16 where the device computes in it."""
        return half_precision(self.device)

    def descend(self, optimiser: str, loss: Tensor, longest: float = 1.0) -> None:
        """One update; a gradient longer than `longest` is shortened to that."""
        descend(self.optimisers[optimiser], loss, longest)

    def train(self, step: Callable[[], Losses], validate: Callable[[], Mapping[str, float]]) -> None:
        """Until the budget is used up: `step` draws a batch, descends and returns its losses, the first one's mean
        is shown; `validate` returns figures of `average`s, now and then and at the end."""
        amount, unit = self.plan.budget
        form = "{l_bar}{bar}{n:.4g}/{total:g} " + unit + " {postfix}"
        bar = tqdm(total=amount, disable=None if self._chief else True, bar_format=form)
        losses, saved, shown = {}, self._passed(self.plan.save_every), 0.0
        while self.done < 1:
            self._set_learning_rates()
            for network in self.networks.values():
                network.train()
            for name, value in step().items():  # kept as tensors: reading one waits for the device
                losses.setdefault(name, []).append(torch.as_tensor(value, device=self.device).detach())
            self.steps += 1
            if not self._chief:
                continue
            for name, average in self._averages.items():
                average.update(self.networks[name])
            if monotonic() - shown > 0.5:
                first, shown = next(iter(losses)), monotonic()
                bar.n = min(amount, self._passed(self.plan.budget))
                bar.set_postfix_str(f"{first} {mean(losses[first][-50:]):.3f}")
            if self.done >= 1 or self._passed(self.plan.save_every) - saved >= self.plan.save_every[0]:
                self._save({name: mean(values) for name, values in losses.items()}, validate())
                losses, saved = {}, self._passed(self.plan.save_every)
        bar.close()

    def _passed(self, span: Span) -> float:
        return getattr(self, span[1])

    def _set_learning_rates(self) -> None:
        rise = 1.0
        if self.plan.rise[0]:  # a step counts itself, or the first would be lost
            passed = self._passed(self.plan.rise) + (self.plan.rise[1] == "steps")
            rise = min(1.0, passed / self.plan.rise[0])
        fall = self.plan.fall(self.done)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * fall * (0.0 if group.get("wait") and rise < 1 else rise)

    def _save(self, losses: Mapping[str, float], figures: Mapping[str, float]) -> None:
        row = {"minutes": self.minutes, "hours": self.hours, "steps": self.steps, **losses, **figures}
        self._log.write(row)
        shown = (f"{name} {value:.4g}" for name, value in row.items() if value or name != "hours")
        tqdm.write("  ".join(shown))
        figure = figures[self._best] if self._best else -math.inf
        kept = {name: average.network.state_dict() for name, average in self._averages.items()}
        if figure <= self.best:
            self.best = float(figure)
            checkpoint.save(self.plan.folder / "best.pt", {"networks": kept, "about": self._about})
        state = {name: getattr(self, name) for name in ("steps", "minutes", "best", "extra")}
        state["hours"] = float(self.hours)  # no number of NumPy's, which would not be loaded
        state |= {"averages": kept, "updates": {n: a.updates for n, a in self._averages.items()}}
        state["networks"] = {name: network.state_dict() for name, network in self.networks.items()}
        state["optimisers"] = {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()}
        checkpoint.save(self.plan.folder / "last.pt", state)

    def _resume(self, state: dict) -> None:
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        for name, average in self._averages.items():
            average.network.load_state_dict(state["averages"][name])
            average.updates = state["updates"][name]
        self.steps, self.hours, self.best = state["steps"], state["hours"], state["best"]
        self.extra, self._before = state["extra"], state["minutes"]
        if self._chief:
            print(f"resumed {self.plan.folder} after {self.steps} steps, {self._before:.1f} minutes")


def mean(values: Sequence[Tensor]) -> float:
    """Of scalars on one device."""
    return float(torch.stack(list(values)).float().mean())
