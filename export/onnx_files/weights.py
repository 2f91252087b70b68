"""Weights in an exported graph under their torch names, so that training can start again from a shipped file."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from gr_deepsc.session import locate

TRANSPOSED = ".T"  # a Linear's weight, as ONNX's MatMul wants it
GRU_PARTS = {".W": ("weight_ih_l0",), ".R": ("weight_hh_l0",), ".B": ("bias_ih_l0", "bias_hh_l0")}
HALF, INT8, SCALE, ZERO = ".half", "_quantized", "_scale", "_zero_point"


def swap_gates(x: np.ndarray) -> np.ndarray:
    """torch stacks a GRU's gates as (reset, update, new), ONNX as (update, reset, new); its own inverse."""
    reset, update, new = np.split(x, 3)
    return np.concatenate([update, reset, new])


def name_weights(model: onnx.ModelProto, state: dict[str, Tensor]) -> None:
    """Renames the initialisers of a float32 graph after the entries of `state` whose values they hold.

    The tracing exporter calls transposed and rearranged weights "onnx::MatMul_945" and the like.

    Raises:
        ValueError: a trained weight is nowhere in the graph.
    """
    wanted = {}
    for key, value in state.items():
        array = value.numpy()
        if key.endswith("weight_ih_l0"):
            stem = key.removesuffix("weight_ih_l0").removesuffix(".")
            for suffix, parts in GRU_PARTS.items():
                arrays = [swap_gates(state[f"{stem}.{part}"].numpy()) for part in parts]
                wanted[stem + suffix] = np.concatenate(arrays)[None]
        elif key.endswith(".weight") and array.ndim == 2:
            wanted[key + TRANSPOSED] = array.T
    here = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    renamed = {}
    for key, array in wanted.items():
        if key.removesuffix(TRANSPOSED) in here:
            continue  # kept its name and its shape
        matches = [
            n for n, a in here.items() if a.shape == array.shape and n not in renamed and np.array_equal(a, array)
        ]
        if matches:
            renamed[matches[0]] = key
        elif not key.startswith("recogniser.") or key.endswith((".W", ".R")):
            raise ValueError(f"{key} is not in the exported graph")
    for tensor in model.graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]


def read_weights(name_or_dir: str | Path) -> dict[str, Tensor]:
    """The state of `DeepSC` from a model's transmitter.onnx and receiver.onnx, int8 and half precision undone.

    Args:
        name_or_dir: a shipped model's name, or a folder with the two files.

    Raises:
        FileNotFoundError: neither; says what exists.
    """
    folder = locate(name_or_dir)
    state = {}
    for kind, half in (("transmitter", "encoder."), ("receiver", "decoder.")):
        for name, value in read_graph(folder / f"{kind}.onnx").items():
            state[f"codec.{name}" if name.startswith(half) else name] = value
    return state


def part(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The entries of one submodule."""
    return {key.removeprefix(name + "."): value for key, value in state.items() if key.startswith(name + ".")}


def read_graph(path: str | Path) -> dict[str, Tensor]:
    """Every weight of one file under its torch name, int8 and half precision undone."""
    state = {}
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    for name, array in arrays.items():
        if any(name.removesuffix(of_whole) + INT8 in arrays for of_whole in (SCALE, ZERO)):
            continue
        if name.endswith(INT8):
            name = name.removesuffix(INT8)
            array = (array.astype(np.float32) - arrays.get(name + ZERO, 0)) * arrays[name + SCALE]
        name = name.removesuffix(HALF)
        state |= {key: torch.from_numpy(np.array(a)) for key, a in _undo(name, array.astype(np.float32))}
    return state


def _undo(name: str, array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    stem, suffix = name[:-2], name[-2:]
    if suffix == TRANSPOSED:
        return [(stem, array.T)]
    if suffix in GRU_PARTS:
        parts = GRU_PARTS[suffix]
        pieces = np.split(array[0], len(parts))
        return [(f"{stem}.{part}", swap_gates(piece)) for part, piece in zip(parts, pieces, strict=True)]
    return [(name, array)]
