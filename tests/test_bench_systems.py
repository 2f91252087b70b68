"""The compared systems, complete: what they send, what comes back, what they do where nothing comes."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import jiwer
import numpy as np
import pytest
from deepsc_bench.system import Air, Heard, Recording, Sent
from deepsc_bench.systems import SYSTEMS, recogniser
from deepsc_bench.systems.feature import SINGLE, from_bits, to_bits

from gr_deepsc.english import plain
from gr_deepsc.simulation import Setting, Simulation
from gr_deepsc.speech import audio
from gr_deepsc.text import BLANK

SAMPLE = Path(__file__).parent / "samples" / "LJ002-0045.flac"
TEXT = "the various wards were all about eleven feet in height"

OURS = ("deepsc", "gr-deepsc", "equal-symbols", "gr-equal-symbols")  # at every rate, the rival with as many symbols
# Symbols a second of speech (the paper's Table II), and Es/N0 in dB from which they get through in AWGN: for coded ones
# some 3 dB above the Shannon limit of their bits a symbol.
SENDS = {
    "deepsc-st-paper": (500, 4),
    "deepsc-st": (500, 4),
    "gr-deepsc": (500, 4),
    **{f"{name}-520": (520, -4) for name in OURS},
    **{f"{name}-260": (260, -1) for name in OURS},
    **{f"{name}-130": (130, 2) for name in OURS},
    "sr-deepsc": (124, 4),
    "speech": (6668, 13),
    "text": (36, 13),
    "feature": (7794, 14),
    "speech-robust": (6678, 7),
    "text-robust": (70, 7),
    "feature-robust": (11736, 7),
}
# Between two rates that are tested anyway, or but for the spelling the same.
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name.endswith("-260") else name for name in SENDS]


@pytest.fixture(scope="module")
def utterance() -> Recording:
    return Recording("samples/LJ002-0045", audio.check(*audio.read(SAMPLE)), TEXT)


@pytest.fixture(scope="module")
def systems():
    return {name: make() for name, make in SYSTEMS.items()}


@pytest.fixture(scope="module")
def sent(systems, utterance) -> dict[str, Sent]:
    return {name: system.send(utterance) for name, system in systems.items()}


def same(a: Heard, b: Heard) -> bool:
    speech = a.speech is b.speech is None or np.array_equal(a.speech, b.speech)
    return a.text == b.text and a.frame_errors == b.frame_errors and speech


def test_names(systems):
    assert set(SENDS) == set(systems) and list(systems) == [system.name for system in systems.values()]
    assert len({system.label for system in systems.values()}) == len(systems)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_sent(sent, utterance, name):
    """Unit energy; as many symbols a second as claimed, but for whole blocks and frames at the end."""
    symbols, seconds = sent[name].symbols, len(utterance.samples) / 16_000
    assert symbols.dtype == np.complex64
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1, abs=3 / np.sqrt(len(symbols)))
    rate = len(symbols) / seconds
    print(f"{name}: {rate:.0f} symbols/s, {sent[name].overhead} of {len(symbols)} in all are overhead")
    assert rate == pytest.approx(SENDS[name][0], abs=86 / seconds, rel=0.02)
    assert 0 <= sent[name].overhead < max(len(symbols), 900)  # preamble, header and pilots of a short burst
    assert same_symbols(pickle.loads(pickle.dumps(sent[name])), sent[name])


def same_symbols(a: Sent, b: Sent) -> bool:
    return np.array_equal(a.symbols, b.symbols) and a.side == b.side


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["none", "awgn"])
def test_what_comes_back(systems, sent, utterance, name, kind):
    """Through nothing, and at an Es/N0 that is enough: what the recogniser makes of the recording, or nearly."""
    heard = systems[name].receive(sent[name], Air(kind, SENDS[name][1], 1, 0))
    assert heard.frame_errors == 0
    if name.startswith("speech"):
        assert heard.speech.shape == utterance.samples.shape
    else:
        assert heard.speech is None
    framewise = name in ("deepsc-st-paper", "deepsc-st", "gr-deepsc") or name.startswith("feature")
    read = (
        recogniser.text_of(recogniser.features(utterance.samples)) if framewise else recogniser.spell(utterance.samples)
    )
    difference = jiwer.cer(read, plain(heard.text))
    print(f"{name}: {heard.text!r}")
    assert difference <= (0.06 if "speech" in name or "deepsc" in name else 0)


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_comes(systems, sent, name):
    """-25 dB: no error, no word of the text, and every block is known to be lost."""
    heard = systems[name].receive(sent[name], Air("rayleigh", -25.0, 2, 0))
    assert isinstance(heard.text, str)
    assert jiwer.cer(TEXT, heard.text) > 0.6
    assert heard.frame_errors > 0.95 or name == "sr-deepsc" or name.startswith("deepsc")


@pytest.mark.parametrize("name", ["speech", "text", "equal-symbols-520", "gr-equal-symbols-520"])
def test_the_same_realisation_sounds_the_same(systems, sent, name):
    """Whatever was received before, and in whichever thread; another utterance or seed has another channel."""
    air = Air("rician", {"equal-symbols-520": -9.0, "gr-equal-symbols-520": -6.0}.get(name, 14.0), 3, 5)
    first = systems[name].receive(sent[name], air)
    with ThreadPoolExecutor(2) as pool:
        again = list(pool.map(lambda _: systems[name].receive(sent[name], air), range(2)))
    assert all(same(first, each) for each in again)


def _receive(name: str, sent: Sent, air: Air) -> Heard:
    return SYSTEMS[name]().receive(sent, air)


def test_another_process_hears_the_same(systems, sent):
    airs = {"speech-robust": 5.0, "feature-robust": 5.0, "deepsc-st-paper": -6.0, "equal-symbols-520": -9.0}
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        for name, es_n0_db in airs.items():
            air = Air("rayleigh", es_n0_db, 4, 1)
            there = pool.submit(_receive, name, sent[name], air).result()
            assert same(there, systems[name].receive(sent[name], air)), name


def test_systems_of_one_length_meet_one_channel(sent):
    """The rival and ours send equally many symbols: the same fading and the same noise."""
    for rate in (520, 260, 130):
        lengths = {len(sent[f"{name}-{rate}"].symbols) for name in OURS}
        assert len(lengths) == 1
        assert sent[f"gr-deepsc-{rate}"].overhead == sent[f"gr-equal-symbols-{rate}"].overhead > 0
    air = Air("rayleigh", 3.0, 6, 2)
    ours, theirs = (air(sent[name].symbols) for name in ("deepsc-520", "equal-symbols-520"))
    assert np.array_equal(ours.csi, theirs.csi)
    noise = [got.symbols - got.csi * sent[name].symbols for got, name in
             ((ours, "deepsc-520"), (theirs, "equal-symbols-520"))]  # fmt: skip
    assert np.allclose(*noise, atol=1e-5)


@pytest.mark.parametrize(("name", "csi"), [("gr-deepsc-260", "estimated"), ("deepsc-st", "ideal")])
def test_ours_are_what_simulate_does(systems, sent, utterance, name, csi):
    """The same symbols over the same paths: the same text, at an Es/N0 where it has errors."""
    rate = {"deepsc-st": "paper"}.get(name, "260")
    simulation = Simulation(Setting(rate=rate, channel="rician", es_n0_db=-6.0, seed=8, csi=csi))
    for seq in range(3):
        heard = systems[name].receive(sent[name], Air("rician", -6.0, 8, seq))
        assert heard.text == simulation(utterance.samples, 16_000, seq).result.text


def test_features_survive_anything():
    """Any bits are probabilities; lost ones are 0, and a frame without any is a blank."""
    rng = np.random.default_rng(9)
    p = rng.dirichlet(np.full(29, 0.05), 40).astype(np.float32)
    bits = to_bits(p, SINGLE)
    assert bits.shape == (40 * 29 * 32,)
    assert np.array_equal(from_bits(bits, np.ones(len(bits), bool), SINGLE), p)

    strange = np.array([np.nan, np.inf, -np.inf, -0.5, 1.5, 3e38, 1e-45] + 22 * [0], np.float32)
    got = from_bits(to_bits(strange[None], SINGLE), np.ones(29 * 32, bool), SINGLE)
    assert got.argmax() == BLANK and got[0, BLANK] == 1

    noise = from_bits(rng.integers(0, 2, len(bits), dtype=np.uint8), np.ones(len(bits), bool), SINGLE)
    assert np.isfinite(noise).all() and noise.min() >= 0 and noise.max() <= 1

    passed = np.ones(len(bits), bool)
    passed[29 * 32 * 3 + 5] = False
    lost = from_bits(bits, passed, SINGLE)
    assert lost[3, 0] == 0 and np.array_equal(np.delete(lost, 3, 0), np.delete(p, 3, 0))


@pytest.mark.parametrize("name", ["text", "equal-symbols-520", "text-robust"])
def test_nothing_to_say(systems, name):
    """Silence is no text: one block goes out, and nothing is heard."""
    silence = Recording("none", np.full(16_000, 1e-4, np.float32), "")
    if recogniser.spell(silence.samples):
        pytest.skip("the reader reads something in silence")
    sent = systems[name].send(silence)
    assert len(sent.symbols)
    assert systems[name].receive(sent, Air("awgn", 10.0, 0, 0)).text == ""


def test_the_papers_codec_is_the_trained_one(utterance, systems, sent):
    """NumPy's symbols and log-probabilities are torch's, and its 7,309 weights are as many as the paper's."""
    torch = pytest.importorskip("torch")
    from deepsc_export.codec.model import Codec
    from deepsc_export.recogniser.config import CodecDims

    system = systems["deepsc-st-paper"]
    codec = Codec(CodecDims())
    codec.load_state_dict({name: torch.from_numpy(weight) for name, weight in system._weights.items()})
    assert sum(weight.size for weight in system._weights.values()) == 7309
    with torch.inference_mode():
        p = torch.from_numpy(recogniser.features(utterance.samples).copy())[None]
        symbols = codec.encoder(p)
        log_probs = codec.decoder(symbols, torch.ones(symbols.shape[:2])).log_softmax(-1)[0].numpy()
    assert np.allclose(torch.view_as_complex(symbols)[0].numpy(), sent["deepsc-st-paper"].symbols, atol=1e-5)
    heard = system.receive(sent["deepsc-st-paper"], Air("none", 0.0, 0, 0))
    assert heard.text == recogniser.text_of(np.exp(log_probs))


def test_the_papers_codec_trains(tmp_path):
    """Two steps from three recordings: as many weights, changed, and the same ones again from the same command."""
    pytest.importorskip("torch")
    from deepsc_export.__main__ import main

    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "wavs").symlink_to(SAMPLE.parent, target_is_directory=True)
    rows = (SAMPLE.parent / "transcripts.csv").read_text(encoding="utf-8").splitlines()
    splits = ("train", "train", "valid")
    listed = [f"{row}|someone|{split}" for row, split in zip(rows, splits, strict=True)]
    (corpus / "metadata.csv").write_text("\n".join(listed), encoding="utf-8")
    made = []
    for run in ("first", "second"):
        out = tmp_path / f"{run}.npz"
        command = ["paper", "codec", corpus, "--npz", out, "--out", tmp_path / run, "--steps", 2]
        main(list(map(str, command)))
        made.append(dict(np.load(out)))
    assert sum(weight.size for weight in made[0].values()) == 7309
    assert all(np.array_equal(made[0][name], made[1][name]) for name in made[0])
