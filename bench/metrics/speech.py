"""What a recogniser has in mind while it listens: the features of the DeepSpeech distances.

Binkowski et al. take the states of Deep Speech 2 before its last layer, averaged over windows of 2 s. Here they are
those of the `default` transmitter: the 512 states of its BiGRUs, which a dense layer turns into P. Of the networks at
hand it is most like theirs; it comes with the package, and has learnt from real speech only, so that it also hears
what a synthetic voice lacks. Only values of one network compare: its hash is in each result. Some systems under test
use the same network to transmit; what an unrelated recogniser hears is measured by `judge`.
"""

import base64
from functools import lru_cache

import numpy as np
import onnx

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.session import InferenceSession, locate, open_session

MODEL = "default"
WINDOW = 2 * SAMPLE_RATE  # samples


def windows(samples: np.ndarray) -> np.ndarray:
    """float32 [windows, WINDOW]: side by side, what is left over dropped; shorter speech is completed by silence."""
    samples = np.pad(samples, (0, max(0, WINDOW - len(samples))))
    return samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW)


def features(samples: np.ndarray) -> np.ndarray:
    """float32 [windows, 512] of float32 [samples] at 16 kHz: the mean state in each window."""
    session = _session()
    states = [session.run(None, {"waveform": window[None]})[0][0] for window in windows(samples)]
    return np.stack([state.mean(0) for state in states])


def pack(array: np.ndarray) -> str:
    """An array's rows as text, to be kept among an item's figures."""
    return base64.b64encode(np.ascontiguousarray(array)).decode()


def unpack(packed: str, dtype: type, width: int) -> np.ndarray:
    """[rows, width] of what `pack` wrote."""
    return np.frombuffer(base64.b64decode(packed), dtype).reshape(-1, width)


@lru_cache(1)
def _session() -> InferenceSession:
    """The transmitter up to the states that its last matrix before P multiplies."""
    model = onnx.load(locate(MODEL) / "transmitter.onnx")
    made_by = {output: node for node in model.graph.node for output in node.output}
    node = made_by["features"]
    while node.op_type != "MatMul":  # softmax, bias
        node = next(made_by[name] for name in node.input if name in made_by)
    states = onnx.helper.make_tensor_value_info(node.input[0], onnx.TensorProto.FLOAT, None)
    del model.graph.output[:]
    model.graph.output.append(states)
    return open_session(model.SerializeToString())
