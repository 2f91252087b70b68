"""What a network costs: stored numbers, multiply-accumulates, bytes, read off its ONNX file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import onnx

from gr_deepsc.session import open_session

# tensors of a file that no training changes: spectral transforms, positions, statistics, scales and zeros of 8 bits
_FIXED = re.compile(r"Constant|positions|running_|mel_mean|_scale$|_zero_point$|stretch")
_WEIGHTS = tuple(getattr(onnx.TensorProto, name) for name in ("FLOAT", "FLOAT16", "BFLOAT16", "INT8", "UINT8"))
_GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}


@dataclass(frozen=True)
class Network:
    """Of one file: trainable `parameters`, `macs` for the input that was given (0 for none), size in `bytes`."""

    parameters: int
    macs: int
    bytes: int


def measure(path: Path, feed: Mapping[str, np.ndarray] | None) -> Network:
    """Count one file's parameters, and its multiply-accumulates for the input `feed`, if there is one.

    The shapes are those of a real run: some follow from data, as the frames that a voice needs for a text.
    """
    model = onnx.load(path)
    parameters = sum(
        prod(t.dims) for t in model.graph.initializer if t.data_type in _WEIGHTS and not _FIXED.search(t.name)
    )
    shapes = _shapes(model, feed) if feed else {}
    counts = (macs(node, shapes) for node in model.graph.node) if feed else ()
    return Network(parameters, sum(counts), path.stat().st_size)


def macs(node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Multiply-accumulates of a node: of matrix products, convolutions and recurrent layers; 0 for all else."""
    of = [shapes.get(name, ()) for name in (*node.input, *node.output)]
    if node.op_type == "MatMul":
        return prod(shapes[node.output[0]]) * of[0][-1]
    if node.op_type == "Gemm":
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        return prod(shapes[node.output[0]]) * of[0][0 if transposed else -1]
    if node.op_type == "Conv":  # weights [out, in / groups, kernel...]
        return prod(shapes[node.output[0]]) * prod(of[1][1:])
    if node.op_type == "ConvTranspose":  # weights [in, out / groups, kernel...]
        return prod(of[0]) * prod(of[1][1:])
    if node.op_type in _GATES:  # input [time, batch, in], recurrent weights [directions, gates * units, units]
        time, batch, width = of[0]
        directions, rows, units = of[2]
        return directions * time * batch * rows * (width + units)
    return 0


def _shapes(model: onnx.ModelProto, feed: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor that a counted node reads or writes, from a run of the model."""
    counted = ("MatMul", "Gemm", "Conv", "ConvTranspose", *_GATES)
    nodes = [node for node in model.graph.node if node.op_type in counted]
    known = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    wanted = {name for node in nodes for name in (*node.input, node.output[0]) if name} - set(known) - set(feed)
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(wanted))
    session = open_session(model.SerializeToString())
    ran = zip(sorted(wanted), session.run(None, dict(feed)), strict=True)
    return known | {n: a.shape for n, a in feed.items()} | {name: array.shape for name, array in ran}
