"""Tiny analytic models, so that blocks and flowgraphs are tested without trained weights.

A frame of 640 samples "speaks" one token by its mean level: 0 is the blank, (k + 1) * STEP is token k.
Token k crosses the channel as the k-th of 29 fixed QPSK words of 20 symbols; the receiver correlates.
Everything is exact at high Es/N0, and `speak` makes the waveform for a text.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gr_deepsc.framing import HOP, SAMPLE_RATE, SYMBOLS_PER_FRAME
from gr_deepsc.text import ALPHABET, BLANK, TOKENS, encode

STEP = 0.03  # level between neighbouring tokens: the last is at 0.84 of full scale
LEVELS = np.array([(k + 1) * STEP for k in range(BLANK)] + [0.0], np.float32)
PAIR = "fixture-pair"


def codebook() -> np.ndarray:
    """Complex64 [29, 20], unit power; the words' normalised correlation stays below 0.65."""
    rng = np.random.default_rng(2024)
    signs = rng.choice([-1.0, 1.0], (TOKENS, SYMBOLS_PER_FRAME, 2)) / np.sqrt(2)
    return (signs[..., 0] + 1j * signs[..., 1]).astype(np.complex64)


def speak(text: str, lead: int = 2) -> np.ndarray:
    """Float32 waveform at 16 kHz that the fixture recognises as `text`, `lead` blank frames a side."""
    tokens = [BLANK] * lead
    for token in encode(text):
        tokens += [BLANK, token] if tokens and tokens[-1] == token else [token]
    return np.repeat(LEVELS[tokens + [BLANK] * lead], HOP)


def write(folder: Path, pair: str = PAIR, **metadata: str) -> Path:
    """Write transmitter.onnx and receiver.onnx into `folder`; `metadata` overrides keys, None omits them."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, graph in (("transmitter", _transmitter()), ("receiver", _receiver())):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        props = {
            "name": "fixture",
            "kind": kind,
            "version": "1",
            "pair": pair,
            "sample_rate": str(SAMPLE_RATE),
            "hop": str(HOP),
            "symbols_per_frame": str(SYMBOLS_PER_FRAME),
            "vocabulary": ALPHABET,
            "blank": str(BLANK),
            "max_seconds": "30",
            **metadata,
        }
        helper.set_model_props(model, {key: value for key, value in props.items() if value is not None})
        onnx.checker.check_model(model)
        onnx.save(model, folder / f"{kind}.onnx")
    return folder


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """The folder of the models, for as long as they are needed."""
    with tempfile.TemporaryDirectory() as folder:
        yield write(Path(folder))


def _words() -> np.ndarray:
    """Float32 [29, 40]: the code words' interleaved real and imaginary parts."""
    return codebook().view(np.float32)


def _constants(**arrays) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]


def _transmitter() -> onnx.GraphProto:
    node = helper.make_node
    nodes = [
        node("Shape", ["waveform"], ["size"], start=1),  # [samples]
        node("Neg", ["size"], ["minus"]),
        node("Mod", ["minus", "hop"], ["short"]),  # zeros that complete the last frame
        node("Concat", ["nothing", "short"], ["pads"], axis=0),
        node("Pad", ["waveform", "pads"], ["padded"]),
        node("Reshape", ["padded", "by_frame"], ["framed"]),  # [batch, frames, 640]
        node("ReduceMean", ["framed", "last"], ["level"], keepdims=1),  # [batch, frames, 1]
        node("Sub", ["level", "levels"], ["distance"]),
        node("Mul", ["distance", "distance"], ["squared"]),
        node("Mul", ["squared", "sharpness"], ["score"]),
        node("Softmax", ["score"], ["features"], axis=-1),
        node("MatMul", ["features", "words"], ["spelt"]),  # [batch, frames, 40]
        node("Reshape", ["spelt", "by_symbol"], ["raw"]),  # [batch, n, 2]
        node("Mul", ["raw", "raw"], ["energy"]),
        node("ReduceMean", ["energy", "symbols_axes"], ["half"], keepdims=1),
        node("Add", ["half", "half"], ["power"]),  # E|x|^2 = 2 * the mean square of a component
        node("Sqrt", ["power"], ["amplitude"]),
        node("Div", ["raw", "amplitude"], ["symbols"]),
    ]
    constants = _constants(
        hop=np.array([HOP]),
        nothing=np.array([0, 0, 0]),
        by_frame=np.array([0, -1, HOP]),
        last=np.array([2]),
        levels=LEVELS,
        sharpness=np.float32(-30 / STEP**2),
        words=_words(),
        by_symbol=np.array([0, -1, 2]),
        symbols_axes=np.array([1, 2]),
    )
    tensor, f32 = helper.make_tensor_value_info, TensorProto.FLOAT
    return helper.make_graph(
        nodes,
        "transmitter",
        [tensor("waveform", f32, ["batch", "samples"])],
        [tensor("symbols", f32, ["batch", "n", 2]), tensor("features", f32, ["batch", "frames", TOKENS])],
        constants,
    )


def _receiver() -> onnx.GraphProto:
    node = helper.make_node
    nodes = [
        node("Unsqueeze", ["reliability", "last"], ["weight"]),  # [batch, n, 1]
        node("Mul", ["symbols", "weight"], ["weighted"]),
        node("Reshape", ["weighted", "by_frame"], ["framed"]),  # [batch, frames, 40]
        node("MatMul", ["framed", "words"], ["correlation"]),  # Re(conj(word) z), [batch, frames, 29]
        node("LogSoftmax", ["correlation"], ["log_probs"], axis=-1),
    ]
    constants = _constants(
        last=np.array([2]), by_frame=np.array([0, -1, 2 * SYMBOLS_PER_FRAME]), words=_words().T.copy()
    )
    tensor, f32 = helper.make_tensor_value_info, TensorProto.FLOAT
    return helper.make_graph(
        nodes,
        "receiver",
        [tensor("symbols", f32, ["batch", "n", 2]), tensor("reliability", f32, ["batch", "n"])],
        [tensor("log_probs", f32, ["batch", "frames", TOKENS])],
        constants,
    )
