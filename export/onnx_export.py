"""Writing transmitter.onnx and receiver.onnx: export, parity with torch, smaller storage, contract."""

import hashlib
import json
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

from gr_deepsc import __version__
from gr_deepsc.framing import FRAME_RATE, HOP, SAMPLE_RATE, SYMBOLS_PER_FRAME
from gr_deepsc.session import open_session
from gr_deepsc.text import ALPHABET, BLANK

from .config import SHIPPED, Config, WhisperDims
from .models.system import DeepSC, Receiver, Transmitter
from .onnx_weights import HALF, INT8, SCALE, name_weights

OPSET = 17
PARITY_SHAPES = (
    (1, 1_600),
    (1, 16_001),
    (2, 33_333),
    (1, 64_000),
    (2, 100_000),
    (1, 470_000),
)  # batch, samples
TOLERANCE = 1e-4
WEIGHTS = ("float", "half", "int8", "bytes")
HALF_FROM = 4_096  # initialisers of so many numbers are stored in half precision
Stored = tuple[list[TensorProto], list[onnx.NodeProto]]  # small tensors, and what makes a large one of them
MAX_SECONDS = 30  # what the network is run on at once; Whisper's positions end there

NAMES = {
    "transmitter": (["waveform"], ["symbols", "features"]),
    "receiver": (["symbols", "reliability"], ["log_probs"]),
}
_AXES = {
    "waveform": {0: "batch", 1: "samples"},
    "symbols": {0: "batch", 1: "n"},
    "reliability": {0: "batch", 1: "n"},
    "features": {0: "batch", 1: "frames"},
    "log_probs": {0: "batch", 1: "frames"},
}


class ParityError(Exception):
    """The exported graph does not compute what torch does."""


def halves(system: DeepSC) -> dict[str, tuple[nn.Module, tuple[torch.Tensor, ...]]]:
    """The two modules to export by kind, each with example inputs."""
    system.eval()
    symbols = torch.randn(2, 30 * SYMBOLS_PER_FRAME, 2)
    return {
        "transmitter": (
            Transmitter(system.recogniser, system.codec.encoder).eval(),
            (0.1 * torch.randn(2, 30 * HOP + 7),),
        ),
        "receiver": (Receiver(system.codec.decoder).eval(), (symbols, torch.rand(symbols.shape[:2]))),
    }


def trace(
    module: nn.Module,
    example: tuple[torch.Tensor, ...],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    free: dict[str, dict[int, str]],
) -> None:
    """Writes what `module` does with `example` in float32; the axes named in `free` may have any length.

    The tracing exporter is used: torch.export's (dynamo=True) fails on a GRU whose first state is given, and was
    seen to write GRU nodes with linear_before_reset = 0.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            example,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=free,
        )


def to_onnx(kind: str, module: nn.Module, example: tuple[torch.Tensor, ...], path: Path) -> None:
    """Writes `module` in float32 with free batch and length.

    Raises:
        ParityError: a GRU node without linear_before_reset = 1, which is how torch computes its new gate.
    """
    inputs, outputs = NAMES[kind]
    trace(module, example, path, inputs, outputs, {name: _AXES[name] for name in inputs + outputs})
    model = onnx.load(path)
    name_weights(model, module.state_dict())
    kept = {entry.name for entry in model.graph.input}
    for name, tensor in zip(inputs, example, strict=True):
        if name not in kept:  # the paper's decoder ignores the reliability; the contract keeps it
            shape = [_AXES[name].get(i, size) for i, size in enumerate(tensor.shape)]
            model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    onnx.save(model, path)
    for node in model.graph.node:
        if node.op_type == "GRU" and not any(
            a.name == "linear_before_reset" and a.i == 1 for a in node.attribute
        ):
            raise ParityError(f"{path}: {node.name} has no linear_before_reset = 1")


def check_parity(kind: str, module: nn.Module, path: Path) -> float:
    """Largest difference between torch and ONNX Runtime over `PARITY_SHAPES`.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    generator, run, worst = torch.Generator().manual_seed(0), open_session(path), 0.0
    for batch, samples in PARITY_SHAPES:
        frames = -(-samples // HOP)
        if kind == "transmitter":
            feed = (0.1 * torch.randn(batch, samples, generator=generator),)
        else:
            n = frames * SYMBOLS_PER_FRAME
            feed = (torch.randn(batch, n, 2, generator=generator), torch.rand(batch, n, generator=generator))
        with torch.inference_mode():
            wanted = module(*feed)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        given = run.run(None, {name: x.numpy() for name, x in zip(NAMES[kind][0], feed, strict=True)})
        for a, b in zip(wanted, given, strict=True):
            worst = max(worst, float(np.abs(a.numpy() - b).max()))
    if worst >= TOLERANCE:
        raise ParityError(f"{path}: torch and ONNX Runtime differ by {worst:.2e}, allowed is {TOLERANCE:.0e}")
    return worst


def write_small(
    module: nn.Module,
    feeds: Sequence[tuple[torch.Tensor, ...]],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    free: dict[str, dict[int, str]],
) -> float:
    """Writes `module` with its weights named as in torch and stored in 8 bits; the first of `feeds` is traced.

    Returns:
        The largest difference between torch and ONNX Runtime over `feeds`, of the float32 graph.

    Raises:
        ParityError: it exceeds `TOLERANCE`.
    """
    worst = 0.0
    with tempfile.TemporaryDirectory() as temporary, torch.no_grad():
        plain = Path(temporary) / path.name
        trace(module, feeds[0], plain, inputs, outputs, free)
        model = onnx.load(plain)
        name_weights(model, module.state_dict())
        onnx.save(model, plain)
        run = open_session(plain)
        for feed in feeds:
            wanted = module(*feed)
            wanted = wanted if isinstance(wanted, tuple) else (wanted,)
            given = run.run(None, {name: x.numpy() for name, x in zip(inputs, feed, strict=True)})
            for a, b in zip(wanted, given, strict=True):
                worst = max(worst, float(np.abs(a.numpy() - b).max()))
        if worst >= TOLERANCE:
            raise ParityError(f"{path}: torch and ONNX Runtime differ by {worst:.2e}")
        to_bytes(plain, path)
    return worst


def quantise(source: Path, target: Path) -> None:
    """int8 weights for every MatMul by a constant; ONNX Runtime scales the activations on the fly."""
    quantize_dynamic(
        source, target, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8
    )


def halve(source: Path, target: Path) -> None:
    """Large float32 tensors stored in half precision, cast back once when the file is loaded: size, not speed."""
    _store(source, target, _half)


def to_bytes(source: Path, target: Path) -> None:
    """The same in 8 bits, a quarter of the size, with a scale for each output."""
    _store(source, target, _bytes)


def _store(source: Path, target: Path, smaller: Callable[[TensorProto], Stored]) -> None:
    model = onnx.load(source)
    large = [
        t
        for t in model.graph.initializer
        if t.data_type == TensorProto.FLOAT and np.prod(t.dims) >= HALF_FROM
    ]
    for tensor in large:
        tensors, nodes = smaller(tensor)
        model.graph.initializer.remove(tensor)
        model.graph.initializer.extend(tensors)
        for node in reversed(nodes):
            model.graph.node.insert(0, node)
    onnx.save(model, target)


def _half(tensor: TensorProto) -> Stored:
    half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name + HALF)
    return [half], [helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT)]


def _bytes(tensor: TensorProto) -> Stored:
    array, cast = numpy_helper.to_array(tensor), tensor.name + "_cast"
    inputs = 2 if tensor.name.endswith((".W", ".R")) else 0  # a GRU's are [1, 3 * units, inputs]
    scale = (np.abs(array).max(inputs, keepdims=True) / 127).clip(np.finfo(np.float32).tiny)
    whole = numpy_helper.from_array(np.rint(array / scale).astype(np.int8), tensor.name + INT8)
    scale = numpy_helper.from_array(scale, tensor.name + SCALE)
    restore = helper.make_node("Mul", [cast, scale.name], [tensor.name])
    return [whole, scale], [helper.make_node("Cast", [whole.name], [cast], to=TensorProto.FLOAT), restore]


def stamp(path: Path, kind: str, config: Config, facts: dict[str, str]) -> None:
    """Adds the contract of one half of a system to its file."""
    contract = {
        "name": SHIPPED.get(config.name, config.name),
        "kind": kind,
        "version": __version__,
        "sample_rate": str(SAMPLE_RATE),
        "hop": str(HOP),
        "frame_rate": str(FRAME_RATE),
        "symbols_per_frame": str(SYMBOLS_PER_FRAME),
        "vocabulary": ALPHABET,
        "blank": str(BLANK),
        **({"max_seconds": str(MAX_SECONDS)} if kind == "transmitter" else {}),
        **facts,
    }
    write_contract(path, contract)


def write_contract(path: Path, contract: dict[str, str]) -> None:
    """Puts `contract` into the file's metadata, and checks the file."""
    model = onnx.load(path)
    helper.set_model_props(model, contract)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def provenance(model: nn.Module) -> dict[str, str]:
    """The code's revision, and SHA-256 over the names and float32 values of all weights."""
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        digest.update(key.encode() + value.numpy().tobytes())
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {"git_revision": revision.stdout.strip() or "unknown", "checkpoint_sha256": digest.hexdigest()}


def export(system: DeepSC, folder: Path, training_data: str, weights: str = "half") -> dict[str, float]:
    """Writes both files of a system into `folder`.

    Args:
        weights: one of `WEIGHTS`: "float", "half" or "bytes" (large tensors stored in half precision or in 8 bits,
            computed in float32), or "int8" (MatMul in int8, the rest as in "half").

    Returns:
        The largest difference between torch and ONNX Runtime, by kind, of the float32 graphs.
    """
    config = system.config
    origin = provenance(system)
    licence = "GPL-3.0-or-later"
    if isinstance(config.encoder, WhisperDims):
        licence += "; encoder derived from OpenAI Whisper tiny.en, MIT (see LICENSE.whisper)"
    folder.mkdir(parents=True, exist_ok=True)
    figures = {}
    for kind, (module, example) in halves(system).items():
        path = folder / f"{kind}.onnx"
        with tempfile.TemporaryDirectory() as temporary:
            plain = Path(temporary) / path.name
            to_onnx(kind, module, example, plain)
            figures[kind] = check_parity(kind, module, plain)
            if weights == "int8":
                quantise(plain, plain)
            if weights == "float":
                path.write_bytes(plain.read_bytes())
            elif weights == "bytes":
                to_bytes(plain, path)
            else:
                halve(plain, path)
        facts = {
            "pair": origin["checkpoint_sha256"][:16],
            "training_data": training_data,
            "licence": licence,
            "weights": weights,
            **origin,
            "parity": json.dumps({"fp32_max_abs_difference": figures[kind], "shapes": PARITY_SHAPES}),
        }
        stamp(path, kind, config, facts)
    return figures


def write_hashes(models: Path) -> None:
    """SHA256SUMS over every model under `models`, as `sha256sum` writes it: `deepsc doctor` compares."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(models)}"
        for path in sorted(models.glob("*/*.onnx"))
    ]
    (models / "SHA256SUMS").write_text("\n".join(lines) + "\n")
