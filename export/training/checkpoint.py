"""What training runs keep on disk: checkpoints, logs, and digests that tell stale caches apart."""

import csv
import hashlib
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

State = dict[str, Tensor]


class Kept(NamedTuple):
    """What a best.pt holds."""

    networks: dict[str, State]
    about: dict


def save(path: Path, state: dict) -> None:
    """Writes `state`, tensors and plain values, so that a run cut off while saving leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def load(path: Path) -> dict:
    """What `save` wrote, on the CPU; a file that would run code is refused.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it holds more than tensors and plain values.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: no checkpoint of this version ({str(error).splitlines()[0]})") from None


def best(folder: Path) -> Kept:
    """The networks that a run kept, and what it says of them.

    Raises:
        FileNotFoundError: there is no best.pt.
    """
    path = Path(folder) / "best.pt"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found; train it first")
    state = load(path)
    return Kept(state["networks"], state["about"])


def trained(folder: Path, name: str, network: type[nn.Module], dims: type) -> tuple[nn.Module, dict]:
    """The network called `name` of a run, set to evaluate, and what the run says of it; errors as of `best`."""
    networks, about = best(folder)
    model = network(dims(**about["dims"]))
    model.load_state_dict(networks[name])
    return model.eval(), about


def average(states: list[State]) -> State:
    """The mean of the weights of runs that left from the same ones (Wortsman et al. 2022)."""
    return {
        key: torch.stack([s[key] for s in states]).mean(0) if value.is_floating_point() else value
        for key, value in states[0].items()
    }


def digest(model: nn.Module, keys: Iterable[str]) -> str:
    """Names what `model`'s weights make of these utterances: a cache with another digest is stale."""
    found = hashlib.sha256("\n".join(keys).encode())
    for value in model.state_dict().values():
        # -0 and 0 are one weight: averaging turns the one into the other
        found.update((value.cpu() + 0).numpy().tobytes())
    return found.hexdigest()


class Log:
    """Rows of numbers in a CSV file."""

    def __init__(self, path: Path, fields: list[str], go_on: bool = False):
        """Begins the file anew unless it exists and shall `go_on`."""
        self._path, self._fields = path, fields
        if not (go_on and path.is_file()):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as file:
                csv.DictWriter(file, fields).writeheader()

    def write(self, row: Mapping[str, float]) -> None:
        """Adds what `row` has of the fields, to 4 decimals."""
        rounded = {name: round(value, 4) for name, value in row.items()}
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._fields, extrasaction="ignore").writerow(rounded)
