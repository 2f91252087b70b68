"""From torch to ONNX, and the proof that ONNX Runtime computes the same."""

import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from gr_deepsc.session import open_session

from .storage import store
from .weights import name_weights

OPSET = 17
TOLERANCE = 1e-4
DRAWS = 6  # of inputs, that `clearest` may choose from
Axes = dict[str, dict[int, str]]  # of tensors by name: numbers and names of axes
Feed = TypeVar("Feed", bound=tuple[Tensor, ...])


class ParityError(Exception):
    """The exported graph does not compute what torch does."""


def trace(
    module: nn.Module, example: tuple[Tensor, ...], path: Path, inputs: list[str], outputs: list[str], free: Axes
) -> None:
    """Writes what `module` does with `example` in float32; the axes named in `free` may have any length.

    The tracing exporter is used: torch.export's (dynamo=True) fails on a GRU whose first state is given, and was
    seen to write GRU nodes with linear_before_reset = 0.
    """
    names = {"input_names": inputs, "output_names": outputs, "dynamic_axes": free}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, example, path, dynamo=False, opset_version=OPSET, **names)


def trace_named(module: nn.Module, example: tuple[Tensor, ...], path: Path, *names) -> onnx.ModelProto:
    """As `trace`, and the weights get their torch names; returns what was written.

    Raises:
        ValueError: a trained weight is nowhere in the graph.
    """
    trace(module, example, path, *names)
    model = onnx.load(path)
    name_weights(model, module.state_dict())
    onnx.save(model, path)
    return model


def write_small(
    module: nn.Module, feeds: Sequence[tuple[Tensor, ...]], path: Path, *names, weights: str = "bytes"
) -> float:
    """Writes `module` with its weights named and stored in 8 bits, or as `storage.store` can; the first of `feeds` is
    traced, names as in `trace`.

    Returns:
        The largest difference between torch and ONNX Runtime over `feeds`, of the float32 graph.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary) / path.name
        trace_named(module, feeds[0], plain, *names)
        worst = check_parity(module, plain, names[0], feeds)
        store(plain, path, weights)
    return worst


def clearest(draws: Iterable[Feed], margin: Callable[..., Tensor]) -> Feed:
    """Of some inputs to compare with, those whose least `margin` from a rounding's border is the largest.

    torch and ONNX Runtime differ in the last bits: what lies at a border each may round its own way, and both be right.
    """
    with torch.inference_mode():
        return max(draws, key=lambda feed: float(margin(*feed).min()))


def from_border(x: Tensor) -> Tensor:
    """How far each number is from where `round` turns: 0 to 0.5."""
    return 0.5 - (x - x.round()).abs()


def check_parity(module: nn.Module, path: Path, inputs: Sequence[str], feeds: Iterable[tuple[Tensor, ...]]) -> float:
    """Largest difference between torch and ONNX Runtime over `feeds`, each the inputs of one run.

    Raises:
        ParityError: it exceeds `TOLERANCE`, or shapes differ.
    """
    run, worst = open_session(path), 0.0
    for feed in feeds:
        with torch.inference_mode():
            wanted = module(*feed)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        given = run.run(None, {name: x.numpy() for name, x in zip(inputs, feed, strict=True)})
        for a, b in zip(wanted, given, strict=True):
            if a.shape != b.shape:
                raise ParityError(f"{path}: torch gives {tuple(a.shape)}, ONNX Runtime {b.shape}")
            worst = max(worst, float(np.abs(a.numpy() - b).max()))
    if worst >= TOLERANCE:
        raise ParityError(f"{path}: torch and ONNX Runtime differ by {worst:.2e}, allowed is {TOLERANCE:.0e}")
    return worst
