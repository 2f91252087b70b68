"""Export: ONNX Runtime computes what torch does, GRU gates included; and the weights come back out of the files."""

import json

import numpy as np
import onnx
import pytest
import torch
from deepsc_export.codec import export
from deepsc_export.codec.system import DeepSC
from deepsc_export.onnx_files.trace import ParityError, check_parity
from deepsc_export.onnx_files.weights import read_weights
from deepsc_export.recogniser.config import CodecDims, Config, ConvDims, DeepSpeechDims, WhisperDims
from onnx import numpy_helper

from gr_deepsc.codec.framewise import FramewiseDecoder, FramewiseEncoder

CODEC = CodecDims(reliability=True, context=16)
CONFIGS = {
    "deepspeech": Config(
        "compact", DeepSpeechDims((ConvDims(4, (11, 11), (2, 2)), ConvDims(4, (11, 11), (2, 2))), 2, 32), CODEC
    ),
    "whisper": Config("pretrained", WhisperDims(width=64, heads=2, layers=2, head_units=32), CODEC),
    "paper codec": Config(
        "small", DeepSpeechDims((ConvDims(2, (11, 11), (2, 2)), ConvDims(2, (11, 11), (2, 2))), 1, 8)
    ),
}


@pytest.fixture(params=CONFIGS)
def system(request):
    torch.manual_seed(3)
    system = DeepSC(CONFIGS[request.param]).eval()
    for name, buffer in system.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    for parameter in system.parameters():  # no two tensors alike, as after training
        parameter.data += 0.01 * torch.randn(parameter.shape)
    return system


def test_parity_and_contract(system, tmp_path):
    """Float32 agrees to 1e-4 at six lengths and two batch sizes, and the files pass the runtime's own checks."""
    differences = export.export(system, tmp_path, "a test", weights="float")
    assert set(differences) == {"transmitter", "receiver"} and max(differences.values()) < 1e-4
    transmitter, receiver = FramewiseEncoder(tmp_path), FramewiseDecoder(tmp_path)
    assert transmitter.pair == receiver.pair != ""
    symbols, features = transmitter(np.random.default_rng(0).normal(0, 0.1, 20_000).astype(np.float32))
    assert symbols.shape == (640,) and features.shape == (32, 29)
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1.0, abs=1e-4)
    log_probs = receiver(symbols, np.ones(640, np.float32))
    assert np.exp(log_probs).sum(1) == pytest.approx(1.0, abs=1e-4)
    props = {p.key: p.value for p in onnx.load(tmp_path / "receiver.onnx").metadata_props}
    assert props["training_data"] == "a test" and len(props["checkpoint_sha256"]) == 64
    assert json.loads(props["parity"])["fp32_max_abs_difference"] == differences["receiver"]


def test_every_gru_resets_first(system, tmp_path):
    """torch applies the reset gate after the recurrent product: ONNX calls it linear_before_reset = 1."""
    export.export(system, tmp_path, "a test")
    nodes = [n for kind in export.NAMES for n in onnx.load(tmp_path / f"{kind}.onnx").graph.node]
    grus = [n for n in nodes if n.op_type == "GRU"]
    assert grus and all(any(a.name == "linear_before_reset" and a.i == 1 for a in n.attribute) for n in grus)


def test_parity_check_can_fail(system, tmp_path):
    """A graph whose weights were touched is refused."""
    module, path = export.halves(system)["receiver"], tmp_path / "receiver.onnx"
    export.to_onnx("receiver", module, path)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name == "decoder.output.bias":
            changed = numpy_helper.to_array(tensor) + np.eye(29, dtype=np.float32)[0]
            tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))
    onnx.save(model, path)
    with pytest.raises(ParityError, match="differ by"):
        check_parity(module, path, ["symbols", "reliability"], export.feeds("receiver"))


@pytest.mark.parametrize(
    "weights, step", [("float", 0.0), ("half", 2**-11), ("int8", 0.51 / 127), ("bytes", 0.51 / 127)]
)
def test_weights_come_back(system, tmp_path, weights, step):
    """Warm start: a weight is off by half a step of its storage at most, relative to its tensor's largest."""
    export.export(system, tmp_path, "a test", weights)
    read = read_weights(tmp_path)
    assert read.keys() <= system.state_dict().keys()
    for key, value in system.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            assert (read[key] - value).abs().max() <= value.abs().max() * step, key
