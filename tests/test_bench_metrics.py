"""The metrics of `deepsc bench` against closed forms."""

from pathlib import Path

import jiwer
import numpy as np
import onnx
import pytest
import scipy.linalg
from deepsc_bench.metrics import distances, intervals, judge, networks, speech, text
from onnx import TensorProto, helper, numpy_helper

from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.session import MODELS
from gr_deepsc.speech import audio

SAMPLE = Path(__file__).parent / "samples" / "LJ002-0004.flac"


@pytest.fixture(scope="module")
def recording():
    return audio.check(*audio.read(SAMPLE))


@pytest.mark.parametrize(("windows", "features"), [(400, 6), (12, 40)])
def test_frechet_is_its_definition(windows, features):
    """With SciPy's matrix square root, and where that of a singular matrix is not to be had, by eigenvalues."""
    rng = np.random.default_rng(1)
    real = rng.standard_normal((windows, features)) @ rng.standard_normal((features, features))
    heard = rng.standard_normal((windows + 3, features)) + 0.5
    (s1, s2), shift = (np.cov(x.T) for x in (real, heard)), real.mean(0) - heard.mean(0)
    if windows > features:
        root = np.trace(scipy.linalg.sqrtm(s1 @ s2)).real
    else:
        root = np.sqrt(np.maximum(np.linalg.eigvals(s1 @ s2).real, 0)).sum()
    wanted = np.sqrt(shift @ shift + np.trace(s1 + s2) - 2 * root)
    assert distances.frechet(real, heard) == pytest.approx(wanted, rel=1e-5)


def test_frechet_of_gaussians():
    """N(0, diag(a^2)) and N(m, diag(b^2)): the squared distance is |m|^2 + sum (a - b)^2."""
    rng, n = np.random.default_rng(2), 40_000
    a, b, m = np.array([1.0, 2.0, 0.5]), np.array([1.5, 1.0, 0.5]), np.array([0.3, 0.0, -0.4])
    real, heard = a * rng.standard_normal((n, 3)), m + b * rng.standard_normal((n, 3))
    assert distances.frechet(real, heard) ** 2 == pytest.approx(m @ m + ((a - b) ** 2).sum(), rel=0.02)
    assert distances.frechet(real, real) == pytest.approx(0, abs=1e-6)


def test_kernel_is_its_definition():
    """k(a, b) = (a.b / V + 1)^3 with V = 2, and the three means by hand."""
    real, heard = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[2.0, 2.0], [0.0, -2.0]])
    assert distances.kernel(real, heard).tolist() == [[8, 1], [27, -1]]
    # k(D1, D2) = 1, k(D'1, D'2) = (-4 / 2 + 1)^3 = -1, the mean of the four is 35 / 4
    assert distances.kernel_squared(real, heard) == pytest.approx(1 - 1 - 2 * 35 / 4)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_kernel_distance_is_unbiased(shift):
    """Its mean over small samples is the closed form for N(0, I) and N(m, I), 0 for one distribution.

    With a = |m|^2: E x.x' = 0, E (x.x')^2 = V; E y.y' = a, E (y.y')^2 = a^2 + 2 a + V, E (y.y')^3 = a^3 + 3 a (2 a + V)
    + 6 a; E x.y = E (x.y)^3 = 0, E (x.y)^2 = a + V. The biased estimate, i = j included, would be 0.5 too high.
    """
    rng, v, n = np.random.default_rng(3), 6, 16
    m = np.full(v, shift)
    a = m @ m
    same = 1 + 3 / v
    moved = 1 + 3 * a / v + 3 * (a**2 + 2 * a + v) / v**2 + (a**3 + 3 * a * (2 * a + v) + 6 * a) / v**3
    wanted = same + moved - 2 * (1 + 3 * (a + v) / v**2)
    draws = [
        distances.kernel_squared(rng.standard_normal((n, v)), m + rng.standard_normal((n, v))) for _ in range(4000)
    ]
    error = np.std(draws) / np.sqrt(len(draws))
    assert error < 0.02
    assert np.mean(draws) == pytest.approx(wanted, abs=3.5 * error)


def test_error_rates_are_jiwers():
    truths = ["the old jail", "a", "it's far off"]
    texts = ["the odd jailer", "", "its far"]
    counted = [text.characters(*pair) for pair in zip(truths, texts, strict=True)]
    assert counted[1] == (1, 1)
    assert text.error_rate(*zip(*counted, strict=True)) == pytest.approx(jiwer.cer(truths, texts))
    words = [text.words(*pair) for pair in zip(truths, texts, strict=True)]
    assert text.error_rate(*zip(*words, strict=True)) == pytest.approx(jiwer.wer(truths, texts))


def test_interval_of_an_error_rate():
    """Independent characters of error probability p: the interval is 2 * 1.96 sqrt(p (1 - p) / characters) wide."""
    rng, p, n, length = np.random.default_rng(4), 0.2, 200, 50
    edits, lengths = rng.binomial(length, p, n), np.full(n, length)
    low, high = intervals.of_error_rate(edits, lengths)
    assert low < edits.mean() / length < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / (n * length)), rel=0.15)
    assert intervals.of_error_rate(edits, lengths) == (low, high)
    assert np.isnan(intervals.of_error_rate([1], [9])).all()


def test_interval_is_of_utterances():
    """Errors that come in whole utterances are worth fewer: with all characters of one alike, sqrt(length) wider."""
    rng, p, n, length = np.random.default_rng(5), 0.2, 200, 50
    edits, lengths = length * rng.binomial(1, p, n), np.full(n, length)
    low, high = intervals.of_error_rate(edits, lengths)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / n), rel=0.15)


def test_standard_error():
    """Of a mean: sigma / sqrt(n), to the 7 % that 100 resamples give (three times that here)."""
    values = np.random.default_rng(6).standard_normal(400)
    error = intervals.standard_error(lambda chosen: values[chosen].mean(), len(values))
    assert error == pytest.approx(values.std() / 20, rel=0.21)
    assert np.isnan(intervals.standard_error(lambda chosen: 0.0, 1))


def test_features_are_the_states_before_p(recording):
    """softmax(W h + b) of the states is what the transmitter gives as P, for the same 2 s."""
    window = recording[: speech.WINDOW]
    states = speech._session().run(None, {"waveform": window[None]})[0][0]
    stored = onnx.load(MODELS / "default" / "transmitter.onnx").graph.initializer
    weight, bias = (
        next(numpy_helper.to_array(t) for t in stored if t.name.startswith(f"recogniser.output.{name}"))
        for name in ("weight", "bias")
    )
    logits = states @ weight.astype(np.float32) + bias
    odds = np.exp(logits - logits.max(1, keepdims=True))
    assert np.abs(odds / odds.sum(1, keepdims=True) - FramewiseEncoder("default")(window)[1]).max() < 1e-4
    assert np.allclose(speech.features(window), states.mean(0), atol=1e-6)


def test_windows(recording):
    """Side by side; what is short is completed; silence has features, too; and they survive packing."""
    assert len(recording) == 77_205 and speech.windows(recording).shape == (2, 32_000)
    assert speech.windows(recording[:100]).shape == (1, 32_000)
    quiet = speech.features(np.zeros(20_000, np.float32))
    assert quiet.shape == (1, 512) and np.isfinite(quiet).all()
    assert np.array_equal(speech.unpack(speech.pack(quiet), np.float32, 512), quiet)


def test_distances_of_real_speech(recording):
    """Louder speech is near, noise is far."""
    rng = np.random.default_rng(7)
    real = speech.features(recording)
    louder, noise = (speech.features(2 * recording), speech.features(0.1 * rng.standard_normal(77_205, np.float32)))
    assert 10 * distances.frechet(real, louder) < distances.frechet(real, noise)


def test_multiply_accumulates(tmp_path):
    """Each kind of layer, counted by hand."""
    rng = np.random.default_rng(8)

    def weights(name, *shape):
        return numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Conv", ["x", "conv"], ["c"], group=2),  # [1, 4, 10] -> [1, 6, 8], 2 * 3 each
        helper.make_node("ConvTranspose", ["c", "up"], ["u"], strides=[2]),  # 6 * 8 inputs, 5 * 2 each
        helper.make_node("Transpose", ["c"], ["t"], perm=[2, 0, 1]),  # time 8, batch 1, 6 wide
        helper.make_node("GRU", ["t", "w", "r"], ["states"], hidden_size=7),
        helper.make_node("LSTM", ["t", "lw", "lr"], ["cells"], hidden_size=3),
        helper.make_node("MatMul", ["t", "m"], ["y"]),  # [8, 1, 6] x [6, 9]
        helper.make_node("Flatten", ["t"], ["f"]),  # [8, 6]
        helper.make_node("Gemm", ["f", "g"], ["z"], transB=1),  # [8, 6] x [11, 6]'
    ]
    stored = [
        weights("conv", 6, 2, 3), weights("up", 6, 5, 2), weights("w", 1, 21, 6), weights("r", 1, 21, 7),
        weights("lw", 1, 12, 6), weights("lr", 1, 12, 3), weights("m", 6, 9), weights("g", 11, 6),
    ]  # fmt: skip
    tensor = helper.make_tensor_value_info
    outputs = [tensor(name, TensorProto.FLOAT, None) for name in ("u", "states", "cells", "y", "z")]
    small = [numpy_helper.from_array(np.ones((5, 3), np.int8), "q_quantized"), weights("q_scale", 1, 3)]
    given = [tensor("x", TensorProto.FLOAT, [1, 4, None])]
    graph = helper.make_graph(nodes, "g", given, outputs, stored + small)
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    found = networks.measure(path, {"x": np.zeros((1, 4, 10), np.float32)})
    layers = (6 * 8 * 6, 6 * 8 * 10, 8 * 21 * 13, 8 * 12 * 9, 8 * 9 * 6, 8 * 11 * 6)
    assert found.macs == sum(layers)
    assert found.parameters == sum(np.prod(t.dims) for t in stored) + 15  # not the scales
    assert found.bytes == path.stat().st_size


@pytest.mark.parametrize(("model", "parameters"), [("default", 10_610_402), ("compact", 6_499_674)])
def test_parameters_are_torchs(model, parameters):
    """The trainable ones of MODELS.md, counted by torch there."""
    files = (MODELS / model).glob("*.onnx")
    assert sum(networks.measure(path, None).parameters for path in files) == parameters


@pytest.mark.slow
@pytest.mark.skipif(not judge.available(), reason=judge.MISSING)
def test_judge(recording):
    truth = "the new jail fell as far short of the demands made on it as did the old"
    assert jiwer.cer(truth, judge.text(recording)) < 0.1
    assert judge.text(np.zeros(32_000, np.float32)) == ""
