"""Smaller files: large weights in half precision, in 8 bits, or multiplied in 8 bits."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from .weights import HALF, INT8, SCALE, ZERO

HALF_FROM = 4_096  # initialisers of so many numbers are stored smaller
MIDDLE = 128  # of unsigned bytes
WEIGHTS = ("float", "half", "int8", "bytes", "products")
Stored = tuple[list[TensorProto], list[onnx.NodeProto]]  # small tensors, and what makes a large one of them


def store(source: Path, target: Path, weights: str) -> None:
    """Writes `source` with its weights stored in one of the ways of `WEIGHTS`.

    "float" is as it is, "half" and "bytes" are computed in float32; in "int8" products by constants are computed in 8
    bits and the rest is as in "half"; in "products" they are too, and the rest is as in "bytes".
    """
    if weights == "float":
        target.write_bytes(source.read_bytes())
    elif weights == "bytes":
        to_bytes(source, target)
    elif weights == "products":
        multiply_bytes(source, target)
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


def multiply_bytes(source: Path, target: Path) -> None:
    """As `to_bytes`, and what is multiplied by one of these weights is itself quantised on the fly: speed as well.

    Weights are unsigned, 128 being zero: signed ones overflow on processors with AVX2 and no VNNI.
    """
    model = onnx.load(source)
    used = Counter(name for node in model.graph.node for name in node.input)
    kept = {tensor.name: tensor for tensor in _large(model)}
    nodes, whole = [], set()
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in kept:
            nodes += _product(node)
        elif node.op_type == "Gather" and node.input[0] in kept and used[node.input[0]] > 1:
            nodes += _gathered(node)
        else:
            nodes.append(node)
            continue
        whole |= {name for name in node.input if name in kept}
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for name in whole:
        array = numpy_helper.to_array(kept[name])
        scale = (np.abs(array).max(0) / 127).clip(np.finfo(np.float32).tiny)
        quantised = (np.rint(array / scale) + MIDDLE).astype(np.uint8)
        model.graph.initializer.remove(kept[name])
        model.graph.initializer.extend(
            [
                numpy_helper.from_array(quantised, name + INT8),
                numpy_helper.from_array(scale, name + SCALE),
                numpy_helper.from_array(np.uint8(MIDDLE), name + ZERO),
            ]
        )
    onnx.save(model, target)
    to_bytes(target, target)


def _large(model: onnx.ModelProto) -> list[TensorProto]:
    floats = (tensor for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT)
    return [tensor for tensor in floats if np.prod(tensor.dims) >= HALF_FROM]


def _product(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """x @ W as ONNX Runtime knows how to fuse it."""
    x, weight, out = *node.input, node.output[0]
    quantised = [f"{out}_{part}" for part in ("x", "x_scale", "x_zero")]
    return [
        helper.make_node("DynamicQuantizeLinear", [x], quantised),
        helper.make_node("MatMulInteger", [quantised[0], weight + INT8, quantised[2], weight + ZERO], [out + "_whole"]),
        helper.make_node("Cast", [out + "_whole"], [out + "_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [quantised[1], weight + SCALE], [out + "_scale"]),
        helper.make_node("Mul", [out + "_float", out + "_scale"], [out]),
    ]


def _gathered(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Columns of a table [rows, columns] that is multiplied elsewhere."""
    (weight, which), out = node.input, node.output[0]
    return [
        helper.make_node("Gather", [weight + INT8, which], [out + "_whole"], axis=1),
        helper.make_node("Cast", [out + "_whole"], [out + "_float"], to=TensorProto.FLOAT),
        helper.make_node("Cast", [weight + ZERO], [out + "_zero"], to=TensorProto.FLOAT),
        helper.make_node("Sub", [out + "_float", out + "_zero"], [out + "_centred"]),
        helper.make_node("Gather", [weight + SCALE, which], [out + "_scale"]),
        helper.make_node("Mul", [out + "_centred", out + "_scale"], [out]),
    ]


def _store(source: Path, target: Path, smaller: Callable[[TensorProto], Stored]) -> None:
    model = onnx.load(source)
    large = [t for t in _large(model) if not t.name.endswith(SCALE)]
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
    if tensor.name.endswith(".weight"):  # as torch has it, outputs first
        inputs = tuple(range(1, array.ndim))
    else:
        inputs = 2 if tensor.name.endswith((".W", ".R")) else 0  # a GRU's are [1, 3 * units, inputs]
    scale = (np.abs(array).max(inputs, keepdims=True) / 127).clip(np.finfo(np.float32).tiny)
    whole = numpy_helper.from_array(np.rint(array / scale).astype(np.int8), tensor.name + INT8)
    scale = numpy_helper.from_array(scale, tensor.name + SCALE)
    restore = helper.make_node("Mul", [cast, scale.name], [tensor.name])
    return [whole, scale], [helper.make_node("Cast", [whole.name], [cast], to=TensorProto.FLOAT), restore]
