"""Model files: what is refused when it is loaded, and what runs."""

import fixture_models
import numpy as np
import onnx
import pytest

from gr_deepsc import session
from gr_deepsc.codec import framewise as model
from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.framing import HOP, SAMPLE_RATE, frame_count
from gr_deepsc.phy import channel, equalise

TEXT = "the quick brown fox's bell"


@pytest.fixture(scope="module")
def transmitter(fixture_model):
    return model.FramewiseEncoder(fixture_model)


@pytest.fixture(scope="module")
def receiver(fixture_model):
    return model.FramewiseDecoder(fixture_model)


def test_code_words_are_apart():
    """The fixture's own claim: unit power, and no two words alike."""
    words = fixture_models.codebook()
    correlation = (words @ words.conj().T).real / words.shape[1]
    assert np.abs(np.abs(words) - 1).max() < 1e-6
    assert np.max(correlation - np.eye(len(words))) < 0.65


@pytest.mark.parametrize("samples", [1, HOP - 1, HOP, HOP + 1, 16_000])
def test_shapes(transmitter, receiver, samples):
    """Frames = ceil(samples / 640); 20 symbols and 29 probabilities a frame; E|x|^2 = 1."""
    symbols, features = transmitter(np.full(samples, 0.3, np.float32))
    frames = frame_count(samples)
    assert symbols.shape == (20 * frames,) and symbols.dtype == np.complex64
    assert features.shape == (frames, 29) and features.dtype == np.float32
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1, abs=1e-5)
    log_probs = receiver(symbols, np.ones(len(symbols), np.float32))
    assert log_probs.shape == (frames, 29)
    assert np.exp(log_probs).sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", ["none", "awgn", "rician"])
def test_text_comes_back(transmitter, receiver, speak, kind):
    """The whole chain without GNU Radio at 15 dB."""
    symbols, _ = transmitter(speak(TEXT))
    received = channel.transmit(symbols, kind, 15.0, np.random.default_rng(1), block=20)
    assert greedy(receiver(*equalise.mmse(*received)))[0] == TEXT


def test_a_minute_is_one_utterance(tmp_path, speak):
    """60 s at max_seconds 7: as many frames and symbols as in one piece, and the same text."""
    folder = fixture_models.write(tmp_path, max_seconds="7")
    words = speak("a long speech ")
    waveform = np.tile(words, 60 * SAMPLE_RATE // len(words))
    symbols, features = model.FramewiseEncoder(folder)(waveform)
    whole, _ = model.FramewiseEncoder(fixture_models.write(tmp_path / "whole", max_seconds="60"))(waveform)
    assert len(symbols) == 20 * len(features) == 20 * frame_count(len(waveform))
    assert np.abs(symbols - whole).max() < 1e-4


def test_no_samples(transmitter, receiver):
    """Nothing to run on is an error here; the encoder block makes a result of it."""
    with pytest.raises(ValueError, match="no samples"):
        transmitter(np.zeros(0, np.float32))
    for n, m in ((0, 0), (21, 21), (40, 20)):
        with pytest.raises(ValueError, match="multiple of 20"):
            receiver(np.zeros(n, np.complex64), np.zeros(m, np.float32))


def test_contract(transmitter, receiver):
    """Both files of a model name the same pair."""
    assert transmitter.pair == receiver.pair == fixture_models.PAIR
    assert transmitter.codec == receiver.codec == model.codec_id(fixture_models.PAIR)


@pytest.mark.parametrize("key", ["name", "version", "pair", "vocabulary", "blank", "max_seconds"])
def test_missing_metadata(tmp_path, key):
    """The error names the missing key."""
    with pytest.raises(session.ContractError, match=f"no '{key}'"):
        model.FramewiseEncoder(fixture_models.write(tmp_path, **{key: None}))


@pytest.mark.parametrize(
    "odd",
    [
        {"hop": "160"},
        {"sample_rate": "sixteen"},
        {"vocabulary": "abc"},
        {"blank": "0"},
        {"symbols_per_frame": "10"},
        {"kind": "receiver"},
        {"pair": ""},
        {"max_seconds": "0"},
    ],
)
def test_odd_metadata(tmp_path, odd):
    """A model of another framing, alphabet or kind is refused when loaded, not when it garbles."""
    with pytest.raises(session.ContractError):
        model.FramewiseEncoder(fixture_models.write(tmp_path, **odd))


def test_wrong_inputs(tmp_path):
    """Metadata alone does not make a transmitter: its inputs and outputs are looked at."""
    fixture_models.write(tmp_path)
    wrong = onnx.load(tmp_path / "receiver.onnx")
    for prop in wrong.metadata_props:
        prop.value = "transmitter" if prop.key == "kind" else prop.value
    onnx.save(wrong, tmp_path / "transmitter.onnx")
    with pytest.raises(session.ContractError, match="needed is"):
        model.FramewiseEncoder(tmp_path)


def test_corrupt_file(tmp_path):
    """A truncated download is named, with ONNX Runtime's reason."""
    fixture_models.write(tmp_path)
    path = tmp_path / "transmitter.onnx"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(session.ContractError, match=r"transmitter\.onnx: ONNX Runtime cannot load it"):
        model.FramewiseEncoder(path)


def test_unknown_provider(fixture_model):
    """Never a silent fallback: the error names what exists."""
    with pytest.raises(RuntimeError, match=r"no TpuExecutionProvider here: it has .*CPUExecutionProvider"):
        model.FramewiseDecoder(fixture_model, provider="TpuExecutionProvider")


def test_locate(fixture_model, tmp_path):
    """A folder is found as it is; a wrong name is answered with what exists."""
    assert session.locate(fixture_model) == fixture_model
    with pytest.raises(FileNotFoundError, match=r"no model 'nonsense': shipped are .* or give a folder"):
        session.locate("nonsense")
    with pytest.raises(FileNotFoundError, match="no model file"):
        model.FramewiseEncoder(tmp_path / "absent.onnx")


def test_all_weights_are_small():
    """What a clone has to download: every network and table of weights, those of the compared systems included."""
    repository = session.MODELS.parents[1]
    files = [path for top in ("gr_deepsc", "bench") for path in (repository / top).rglob("*.*")]
    shipped = [path for path in files if path.suffix in (".onnx", ".npz")]
    assert {"transmitter.onnx", "paper_codec.npz"} <= {path.name for path in shipped}
    assert sum(path.stat().st_size for path in shipped) < 100e6
