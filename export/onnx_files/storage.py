"""Smaller files: large weights in half precision, in 8 bits, or multiplied in 8 bits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from .weights import HALF, INT8, SCALE

HALF_FROM = 4_096  # initialisers of so many numbers are stored smaller
WEIGHTS = ("float", "half", "int8", "bytes")
Stored = tuple[list[TensorProto], list[onnx.NodeProto]]  # small tensors, and what makes a large one of them


def store(source: Path, target: Path, weights: str) -> None:
    """Writes `source` with its weights stored in one of the ways of `WEIGHTS`.

    "float" is as it is, "half" and "bytes" are computed in float32; in "int8" products by constants are computed in 8
    bits and the rest is as in "half".
    """
    if weights == "float":
        target.write_bytes(source.read_bytes())
    elif weights == "bytes":
        to_bytes(source, target)
    else:
        if weights == "int8":
            quantise(source, source)
        halve(source, target)


def quantise(source: Path, target: Path) -> None:
    """int8 weights for every MatMul by a constant; ONNX Runtime scales the activations on the fly."""
    quantize_dynamic(source, target, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)


def halve(source: Path, target: Path) -> None:
    """Large float32 tensors stored in half precision, cast back once when the file is loaded: size, not speed."""
    _store(source, target, _half)


def to_bytes(source: Path, target: Path) -> None:
    """The same in 8 bits, a quarter of the size, with a scale for each output."""
    _store(source, target, _bytes)


def _store(source: Path, target: Path, smaller: Callable[[TensorProto], Stored]) -> None:
    model = onnx.load(source)
    large = [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and np.prod(t.dims) >= HALF_FROM]
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
