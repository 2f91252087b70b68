"""Arrays of different lengths in one .npz file: what is computed of utterances, and kept."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def save(path: Path, arrays: Sequence[np.ndarray], **more: object) -> None:
    """Writes arrays that differ in their first axis only, as `values` in a row and their `counts`, and `more`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")  # what is cut off while it is written must not be taken for the whole
    np.savez_compressed(partial, values=np.concatenate(arrays), counts=[len(array) for array in arrays], **more)
    partial.replace(path)


def load(path: Path) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """The arrays, and what else the file holds."""
    with np.load(path) as file:
        more = {name: file[name] for name in file if name not in ("values", "counts")}
        return np.split(file["values"], np.cumsum(file["counts"])[:-1]), more
