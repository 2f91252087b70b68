"""What the voices' ONNX files have in common: constants, contract, and weights read back out of them."""

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from gr_deepsc.framing import SAMPLE_RATE

from ..onnx_files.contract import facts, write_contract
from ..onnx_files.storage import HALF_FROM, halve
from .mel import HOP, MELS, RMS, log_mel


def speech_like(frames: int, seed: int = 0) -> Tensor:
    """Mels float32 [1, frames, 80] of a gliding pulse train that comes and goes in noise: a vocoder's usual range."""
    rng = np.random.default_rng(seed)
    t = np.arange((frames - 1) * HOP) / SAMPLE_RATE
    phase = np.cumsum(160 + 60 * np.sin(2 * np.pi * 0.7 * t)) / SAMPLE_RATE
    voiced = np.sin(2 * np.pi * 1.3 * t) > -0.5
    waveform = 0.4 * voiced * (phase % 1 < 0.1) + 0.01 * rng.standard_normal(len(t))
    waveform *= RMS / np.sqrt(np.square(waveform).mean())
    return log_mel(torch.from_numpy(waveform.astype(np.float32))[None])[:, :frames]


def store_constants(model: onnx.ModelProto) -> None:
    """Large constants become initialisers, equal ones once: analysis and synthesis share the Fourier basis."""
    names: dict[bytes, str] = {}
    renamed = {}
    for node in [node for node in model.graph.node if node.op_type == "Constant"]:
        tensor = node.attribute[0].t
        if node.attribute[0].name != "value" or np.prod(tensor.dims) < HALF_FROM:
            continue
        key = tensor.SerializeToString()
        if key not in names:
            names[key] = node.output[0]
            tensor.name = node.output[0]
            model.graph.initializer.append(tensor)
        renamed[node.output[0]] = names[key]
        model.graph.node.remove(node)
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]


def contract(name: str, kind: str, model: nn.Module, training_data: str = "unknown") -> dict[str, str]:
    """The metadata that every file of a voice has, of one that holds `model` in half precision."""
    mels = {"kind": kind, "sample_rate": str(SAMPLE_RATE), "hop": str(HOP), "mels": str(MELS)}
    return facts(name, model, training_data) | mels | {"weights": "half"}


def write(
    path: Path,
    to_onnx: Callable[[Path], None],
    check: Callable[[Path], float],
    contract: Mapping[str, str],
    parity: Mapping[str, object],
) -> float:
    """Writes a float32 graph and checks it, then stores its weights in half precision and its contract.

    Args:
        check: returns the largest difference between torch and ONNX Runtime; raises if it is too large.
        parity: what it was measured with.

    Returns:
        The difference.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary) / path.name
        to_onnx(plain)
        difference = check(plain)
        halve(plain, path)
    figures = {"fp32_max_abs_difference": difference, **parity}
    write_contract(path, {**contract, "parity": json.dumps(figures)})
    return difference


def fill(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Takes every tensor of `state` that fits; a table of speakers with other rows keeps what both have."""
    ours = model.state_dict()
    for key, value in state.items():
        if key in ours and ours[key].shape == value.shape:
            ours[key].copy_(value)
        elif key in ours and ours[key].shape[1:] == value.shape[1:]:
            rows = min(len(value), len(ours[key]))
            ours[key][:rows] = value[:rows]


def matching(found: Mapping[str, Tensor], like: nn.Module, where: Path) -> dict[str, Tensor]:
    """The whole state for a model like `like`, of what was found in the files at `where`, float32.

    Raises:
        ValueError: they lack a weight, or have it in another shape.
    """
    state = like.state_dict()
    for key, value in state.items():
        if key not in found or found[key].shape != value.shape:
            raise ValueError(f"{where}: no weight {key} of shape {tuple(value.shape)}")
    return {key: found[key].float() for key in state}
