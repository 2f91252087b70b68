"""What the training runs share: checkpoints, caches' digests, averaged weights, logs, the arithmetic."""

import csv
import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn


def save(path: Path, state: dict) -> None:
    """Writes `state` so that a run cut off while saving leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def load(path: Path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=False)


def average(paths: list[Path]) -> dict[str, torch.Tensor]:
    """The mean of the models in checkpoints of runs that left from the same weights (Wortsman et al. 2022)."""
    models = [load(path)["model"] for path in paths]
    return {
        key: torch.stack([m[key] for m in models]).mean(0) if value.is_floating_point() else value
        for key, value in models[0].items()
    }


def digest(model: nn.Module, keys: Iterable[str]) -> str:
    """Names what `model`'s weights make of these utterances: a cache with another digest is stale."""
    found = hashlib.sha256("\n".join(keys).encode())
    for value in model.state_dict().values():
        # -0 and 0 are one weight: averaging turns the one into the other
        found.update((value + 0).numpy().tobytes())
    return found.hexdigest()


def half_precision() -> torch.autocast:
    """bfloat16 where the processor computes in it (there 3 times as fast); emulated it is 9 times slower."""
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast("cpu", torch.bfloat16, enabled=native)


class Ema:
    """Exponential moving average of a model's weights; its memory grows with the number of updates."""

    def __init__(self, model: nn.Module, decay: float = 0.999):
        self.decay, self.updates = decay, 0
        self.state = {key: value.detach().clone() for key, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for key, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)


class Log:
    """Appends rows to a CSV file and remembers the wall time of earlier sessions of the same run."""

    def __init__(self, path: Path, fields: list[str]):
        self.path, self.fields = path, ["minutes", *fields]
        rows = list(csv.DictReader(path.open())) if path.is_file() else []
        self._start = time.monotonic() - 60 * (float(rows[-1]["minutes"]) if rows else 0.0)
        if not rows:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as file:
                csv.DictWriter(file, self.fields).writeheader()

    @property
    def minutes(self) -> float:
        """Minutes of training, earlier sessions included."""
        return (time.monotonic() - self._start) / 60

    def write(self, **row: float) -> None:
        row["minutes"] = round(self.minutes, 2)
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.fields).writerow(row)
