"""The trained models that come with the package: one text whichever way they are run, and their error rates.

The error rates need hours of real speech that is not in the repository. `make test-slow` measures them when
DEEPSC_CORPORA names a folder with LJSpeech-1.1, mini_librispeech and kathleen (export/data/corpora.py has the layouts).
"""

import os
from pathlib import Path

import jiwer
import numpy as np
import pytest
import torch
from deepsc_bench.system import Air, Recording
from deepsc_bench.systems import SYSTEMS
from deepsc_export.codec.system import DeepSC
from deepsc_export.codec.system import Receiver as TorchReceiver
from deepsc_export.codec.system import Transmitter as TorchTransmitter
from deepsc_export.data.audio import Speech
from deepsc_export.data.corpora import load
from deepsc_export.evaluate import evaluate
from deepsc_export.onnx_files.weights import read_weights
from deepsc_export.recogniser.config import CONFIGS, SHIPPED

from gr_deepsc.codec.framewise import FramewiseDecoder, FramewiseEncoder
from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.phy import channel, equalise
from gr_deepsc.session import MODELS
from gr_deepsc.simulation import Setting, Simulation
from gr_deepsc.speech import audio

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.flac"))
CORPORA = ("LJSpeech-1.1", "mini_librispeech", "kathleen")
SEED, ES_N0_DB = 5, 8.0


class TorchModel:
    """The shipped weights in the torch modules they were exported from."""

    def __init__(self, config_name: str):
        system = DeepSC(CONFIGS[config_name]).eval()
        system.load_state_dict(read_weights(MODELS / SHIPPED[config_name]), strict=False)
        self.transmitter = TorchTransmitter(system.recogniser, system.codec.encoder).eval()
        self.receiver = TorchReceiver(system.codec.decoder).eval()

    @torch.inference_mode()
    def text(self, waveform: np.ndarray, seq: int) -> str:
        symbols = self.transmitter(torch.from_numpy(waveform)[None])[0][0].numpy()
        z, rho = heard(symbols.view(np.complex64)[:, 0], seq)
        pairs = torch.from_numpy(z.view(np.float32).reshape(1, -1, 2))
        return greedy(self.receiver(pairs, torch.from_numpy(rho)[None])[0].numpy())[0]


def heard(symbols: np.ndarray, seq: int) -> tuple[np.ndarray, np.ndarray]:
    """What `simulate --csi ideal` gives the decoder of an utterance's symbols."""
    rng = np.random.default_rng([SEED, seq])
    return equalise.mmse(*channel.transmit(symbols, "rician", ES_N0_DB, rng, interleaved=True))


def texts_three_ways(config_name: str, waveforms: list[np.ndarray]) -> list[tuple[str, str, str]]:
    """Each waveform's text by torch, by ONNX Runtime and through the chain, at one seed of a Rician channel."""
    folder = MODELS / SHIPPED[config_name]
    in_torch, transmitter, receiver = (TorchModel(config_name), FramewiseEncoder(folder), FramewiseDecoder(folder))
    setting = Setting(str(folder), "paper", channel="rician", es_n0_db=ES_N0_DB, seed=SEED, csi="ideal")
    simulation, texts = Simulation(setting), []
    for seq, waveform in enumerate(waveforms):
        by_onnx = greedy(receiver(*heard(transmitter(waveform)[0], seq)))[0]
        through = simulation(waveform, SAMPLE_RATE, seq).result.text
        texts.append((in_torch.text(waveform, seq), by_onnx, through))
    return texts


@pytest.mark.parametrize("config_name", SHIPPED)
def test_three_ways_one_text(config_name):
    waveforms = [audio.check(*audio.read(path)) for path in SAMPLES]
    for texts in texts_three_ways(config_name, waveforms):
        assert texts[0] == texts[1] == texts[2] != ""


@pytest.fixture(scope="module")
def test_split(tmp_path_factory) -> dict[str, Speech]:
    if "DEEPSC_CORPORA" not in os.environ:
        pytest.skip("DEEPSC_CORPORA names no folder with corpora")
    cache, root = tmp_path_factory.mktemp("cache"), Path(os.environ["DEEPSC_CORPORA"])
    return {c: Speech([u for u in load(root / c) if u.split == "test"], cache) for c in CORPORA}


@pytest.mark.slow
@pytest.mark.parametrize("config_name", SHIPPED)
def test_three_ways_on_the_test_split(config_name, test_split):
    """The same text on at least 99 % of the test clips."""
    waveforms = [speech[i] for speech in test_split.values() for i in range(len(speech))]
    texts = texts_three_ways(config_name, waveforms)
    same = np.mean([a == b == c for a, b, c in texts])
    print(f"{config_name}: the same text three ways on {same:.2%} of {len(texts)} clips")
    assert same >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("corpus, limit", [("LJSpeech-1.1", 0.09), ("mini_librispeech", 0.10), ("kathleen", 0.10)])
def test_default_error_rates(corpus, limit, test_split):
    """CER in AWGN at 20 dB; at -2 dB at most 0.05 more; over known fading at 8 dB at most 0.08 more."""
    points = {
        (point.channel, point.es_n0_db): point.cer
        for kinds, snr in ((["awgn"], [20, -2]), (["rayleigh", "rician"], [8]))
        for point in evaluate("default", test_split[corpus], kinds, snr)
    }
    print(corpus, points)
    clear = points["awgn", 20]
    assert clear <= limit
    assert points["awgn", -2] <= clear + 0.05
    assert points["rayleigh", 8] <= clear + 0.08 and points["rician", 8] <= clear + 0.08


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "es_n0_db", "limit"),
    [
        ("gr-deepsc-520", "awgn", -8.0, 0.15),
        ("gr-deepsc-520", "rayleigh", -2.0, 0.15),
        ("gr-deepsc-520", "rician", -2.0, 0.15),
        ("gr-deepsc-130", "awgn", -2.0, 0.15),
        ("gr-deepsc-520", "awgn", 20.0, None),
    ],
)
def test_codec_with_context_through_the_modem(name, kind, es_n0_db, limit, test_split):
    """CER of all test splits together, everything estimated; clear, not more than the model's own codec has."""
    if limit is None:
        limit = modem_cer("gr-deepsc", kind, es_n0_db, test_split)
    cer = modem_cer(name, kind, es_n0_db, test_split)
    print(f"{name}, {kind}, {es_n0_db:g} dB: CER {cer:.4f}, at most {limit:.4f}")
    assert cer <= limit


def modem_cer(name: str, kind: str, es_n0_db: float, test_split: dict[str, Speech]) -> float:
    """CER of one of the bench's systems over every test clip."""
    chain, truths, texts = SYSTEMS[name](), [], []
    for speech in test_split.values():
        for i, utterance in enumerate(speech.utterances):
            sent = chain.send(Recording(utterance.key, speech[i], utterance.text))
            texts.append(chain.receive(sent, Air(kind, es_n0_db, SEED, len(texts))).text)
            truths.append(utterance.text)
    return jiwer.cer(truths, texts)


@pytest.mark.slow
def test_compact_error_rate(test_split):
    [point] = evaluate("compact", test_split["LJSpeech-1.1"], ["awgn"], [20])
    print(point)
    assert point.cer <= 0.17
