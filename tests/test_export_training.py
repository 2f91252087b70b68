"""Training really learns, resumes where it stopped, and starts again from a shipped file."""

import argparse
import json
from fractions import Fraction

import numpy as np
import pytest
import torch
from deepsc_export.__main__ import main
from deepsc_export.codec import export
from deepsc_export.codec import train as codec_training
from deepsc_export.codec.system import DeepSC
from deepsc_export.data import ragged
from deepsc_export.data.audio import Speech
from deepsc_export.data.corpora import Utterance
from deepsc_export.onnx_files.weights import read_weights
from deepsc_export.paper import features
from deepsc_export.recogniser import distil, head, states, train
from deepsc_export.recogniser.config import CodecDims, Config, ConvDims, DeepSpeechDims, WhisperDims
from deepsc_export.recogniser.features import Features
from deepsc_export.recogniser.model import build, ctc_loss
from deepsc_export.training import checkpoint, options
from deepsc_export.training.metrics import error_rates
from deepsc_export.training.optimisation import LEAST, descend, half_cosine, straight
from deepsc_export.training.run import Plan

from gr_deepsc.framing import HOP
from gr_deepsc.text import encode

SMALL = Config(
    "compact",
    DeepSpeechDims((ConvDims(4, (5, 11), (2, 2)), ConvDims(4, (5, 11), (2, 2))), 1, 32),
    CodecDims(units=40, reliability=True, context=16),
)


@pytest.fixture
def tones(tmp_path, monkeypatch):
    """A language of eight letters, each a tone of its own, spoken in 160 ms: speech that a small network learns."""
    import soundfile

    monkeypatch.setitem(train.CONFIGS, "compact", SMALL)
    rng, utterances = np.random.default_rng(4), []
    for number in range(120):
        letters = rng.choice(list("abcdefgh"), rng.integers(4, 8))
        time = np.arange(4 * HOP) / 16_000
        audio = [0.2 * np.sin(2 * np.pi * 500 * (1 + ord(c) - ord("a")) * time) * np.hanning(4 * HOP) for c in letters]
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.concatenate(audio) + 1e-3 * rng.standard_normal(4 * HOP * len(letters)), 16_000)
        utterances.append(Utterance(f"tones/{number}", path, "".join(letters), "s", "train"))
    return Speech(utterances[:100], tmp_path / "cache"), Speech(utterances[100:], tmp_path / "cache")


def begin(folder, hours=0.5, initial=None, helper=None, losses=("loss",)):
    """A run of the small recogniser."""
    torch.manual_seed(0)
    plan = Plan(folder, (hours, "hours"), (train.WARM_UP * hours, "hours"))
    return train.begin(plan, SMALL, (5e-3, 5e-3), losses, initial, helper=helper)


@pytest.mark.slow  # the codec's, below, goes the same way
def test_recogniser_learns_and_resumes(tones, tmp_path, monkeypatch):
    """From chance to a CER below 0.1 on unseen sequences; a second run goes on at the hour the first one ended."""
    monkeypatch.setattr(train, "change_speed", lambda samples, rng: samples)  # would change the tone
    torch.set_num_threads(1)
    speech, valid = tones
    run = begin(tmp_path / "run")
    before = train.validate(run.networks["recogniser"], valid)["valid_cer"]
    train.train(run, speech, valid, 8.0)
    assert before > 0.7 and run.best < 0.1
    again = begin(tmp_path / "run")
    assert again.hours == run.hours >= 0.5 and again.best == run.best and again.done >= 1
    _, best = train.load(tmp_path / "run")
    assert train.validate(best, valid)["valid_cer"] == run.best

    system = DeepSC(SMALL)
    system.recogniser.load_state_dict(best.state_dict())
    export.export(system, tmp_path / "onnx", "tones")
    state = {k.removeprefix("recogniser."): v for k, v in read_weights(tmp_path / "onnx").items()}
    warm = begin(tmp_path / "warm", initial=state).networks["recogniser"]
    assert train.validate(warm, valid)["valid_cer"] <= run.best + 0.02


@pytest.mark.slow
def test_head_learns_on_cached_states(tones, tmp_path, monkeypatch):
    """The head alone learns on the states of an encoder that stays as it is, even a random one."""
    whisper = Config("pretrained", WhisperDims(width=64, heads=2, layers=1, head_layers=1, head_units=32))
    monkeypatch.setitem(train.CONFIGS, "pretrained", whisper)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    speech, valid = tones
    model = build(whisper.encoder)
    encoder = {k: v.clone() for k, v in model.encoder.state_dict().items()}
    known, held_out = states.States(model, speech, tmp_path), states.States(model, valid, tmp_path)
    change = head.augmentation(np.random.default_rng(1))
    augmented = states.States(model, speech, tmp_path, "augmented", change)
    assert augmented.rows.shape != known.rows.shape  # at other speeds
    monkeypatch.setattr(states.States, "_extract", None)  # the second time they are read
    assert np.array_equal(states.States(model, speech, tmp_path).rows, known.rows)
    before = head.validate(model, held_out)["valid_cer"]
    plan = Plan(tmp_path / "run", (2.0, "hours"), (head.WARM_UP * 2.0, "hours"))
    run = head.train(plan, model, [known], held_out, 5e-3, 8.0)
    assert before > 0.7 and run.best < 0.5
    _, best = train.load(tmp_path / "run")
    assert all(torch.equal(best.encoder.state_dict()[k], v) for k, v in encoder.items())
    # the states were cached by bfloat16 products: 8 bits, a few edits in two hundred letters
    assert train.validate(best, valid)["valid_cer"] == pytest.approx(run.best, abs=0.08)


@pytest.mark.slow
def test_student_learns_from_teacher(tones, tmp_path, monkeypatch):
    """From the texts and from the states of a teacher whose encoder is random: most letters are right after 0.2 h.

    Its batches come from another process. The hint explains a good part of the variance of the teacher's states; a
    second run goes on where this one ended.
    """
    whisper = WhisperDims(width=64, heads=2, layers=1, head_layers=1, head_units=32)
    monkeypatch.setattr(distil, "SPEEDS", (Fraction(1),))  # others would change the tone
    monkeypatch.setattr(distil, "HINTED", 0)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    speech, valid = tones
    teacher = build(whisper).eval()
    lessons = distil.Lessons(teacher, speech, tmp_path)
    losses = ("ctc", "kl", "hint")
    run = begin(tmp_path / "run", 0.2, helper=torch.nn.Linear(64, 128), losses=losses)
    distil.train(run, teacher, [lessons], valid, 0.1, 8.0, loaders=1)
    assert run.best < 0.5
    lesson = next(distil.endless([lessons], 30.0, lambda: 5.0, 0.0, np.random.default_rng(0)))
    scale = tuple(map(torch.from_numpy, lessons.moments))
    with torch.no_grad():
        student = distil.Student(run.networks["recogniser"], run.networks["helper"])
        assert distil.losses(student, teacher, lesson, scale, None)["hint"] < 0.8
    again = begin(tmp_path / "run", 0.2, helper=torch.nn.Linear(64, 128), losses=losses)
    assert again.hours == run.hours
    assert torch.equal(again.networks["helper"].weight, run.networks["helper"].weight)


def one_hot_speech(rng: np.random.Generator, utterances: int) -> Features:
    """Error-free P: each character a frame of its token and a blank, as a confident encoder emits it."""
    texts = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz '"), 40)) for _ in range(utterances)]
    texts = [" ".join(text.split()) for text in texts]
    rows = []
    for text in texts:
        tokens = [t for token in encode(text) for t in (token, 28)]
        rows.append((0.97 * np.eye(29)[tokens] + 0.03 / 29).astype(np.float16))
    return Features(rows, texts)


def test_codec_learns_and_resumes(tmp_path, monkeypatch):
    """Random text (no language to lean on) crosses AWGN at 4 dB with CER < 0.1 after 200 batches of 40 s: 0.04."""
    rng = np.random.default_rng(5)
    monkeypatch.setattr(codec_training, "VALIDATE", (("awgn", 4.0), ("rician", 8.0)))
    monkeypatch.setattr(codec_training, "ES_N0_DB", (2.0, 12.0))
    monkeypatch.setattr(codec_training, "BATCH_SECONDS", 40)
    torch.set_num_threads(1)
    features, valid = one_hot_speech(rng, 400), one_hot_speech(rng, 40)
    plan = Plan(tmp_path, (200, "steps"), codec_training.RISE, straight)
    codec = codec_training.train(plan, SMALL.codec, features, valid, lr=6e-3)
    texts = codec_training.texts_across(codec, valid, "awgn", 4.0)
    assert error_rates(valid.texts, texts)[0] < 0.1
    resumed = codec_training.train(plan, SMALL.codec, features, valid, lr=6e-3)
    assert all(torch.equal(a, b) for a, b in zip(codec.parameters(), resumed.parameters(), strict=True))


@pytest.mark.slow
def test_paper_codec_is_trained_by_zero_forcing(tmp_path, monkeypatch):
    """The paper's own decoder (4,469 parameters, no reliability) learns at its fixed Rician 8 dB."""
    monkeypatch.setattr(codec_training, "VALIDATE", (("awgn", 8.0),))
    torch.set_num_threads(1)
    features = one_hot_speech(np.random.default_rng(6), 200)
    plan = Plan(tmp_path, (150, "steps"), codec_training.RISE, straight)
    codec = codec_training.train(plan, CodecDims(), features, features, 5e-3, codec_training.PAPER_CHANNEL)
    texts = codec_training.texts_across(codec, features, "awgn", 8.0, codec_training.zero_forcing)
    assert error_rates(features.texts, texts)[0] < 0.1


def test_ctc_loss_closed_form():
    """Uniform probabilities over T = 2 frames, one token: paths (a,a), (a,-), (-,a) of 29^2 each."""
    loss = ctc_loss(torch.zeros(1, 2, 29), torch.tensor([2]), torch.tensor([0]), torch.tensor([1]))
    assert loss.item() == pytest.approx(-np.log(3 / 29**2), rel=1e-5)


def test_a_long_gradient_is_shortened():
    """Of |w|^2 / 2 the gradient is w itself, 5 long; half a cosine is 1, 1/2 and no less than LEAST."""
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=1.0)
    descend(optimiser, w.square().sum() / 2)
    torch.testing.assert_close(w.detach(), torch.tensor([2.4, 3.2]))
    descend(optimiser, w.square().sum() / 2, longest=9.0)
    torch.testing.assert_close(w.detach(), torch.zeros(2))
    assert [half_cosine(done) for done in (0, 0.5, 1, 2)] == pytest.approx([1, 0.5, LEAST, LEAST])
    assert [straight(done) for done in (0, 0.5, 1)] == pytest.approx([1, 0.5, LEAST])


def test_features_are_what_the_codec_of_the_paper_learns_from(tones, tmp_path, monkeypatch, capsys):
    """P of a run goes to files, `paper fixed-channel` trains on them, and its texts are those of the test file.

    Untrained, so no letter need be right; with 29 outputs that hardly differ, P sums to 1 within float16's 2**-11 each.
    """
    speech, valid = tones
    model = build(SMALL.encoder)
    checkpoint.save(
        tmp_path / "run" / "best.pt", {"networks": {"recogniser": model.state_dict()}, "about": {"config": "compact"}}
    )
    monkeypatch.setattr(features, "splits", lambda corpora, *names, cache: [speech, valid, valid])
    main(["paper", "features", str(tmp_path / "run"), "tones", "--out", str(tmp_path), "--hours", "0.01"])
    assert "CER" in capsys.readouterr().out
    rows, more = ragged.load(tmp_path / "test.npz")
    assert list(more["texts"]) == [utterance.text for utterance in valid.utterances]
    assert all(np.allclose(row.sum(1, dtype=np.float64), 1, atol=29 * 2**-12) for row in rows)
    numbers = list(range(len(rows)))
    points = ["--points", '[["awgn", 20]]', "--numbers", json.dumps(numbers), "--steps", "2"]
    main(["paper", "fixed-channel", str(tmp_path), *points])
    assert len(json.loads((tmp_path / "texts.json").read_text())[0]) == len(rows)


def test_minutes_in_place_of_hours():
    """`--minutes` is the budget where it is given."""
    parser = argparse.ArgumentParser()
    distil.add_options(parser)
    assert options.budget(parser.parse_args(["x"])) == (100.0, "hours")
    assert options.budget(parser.parse_args(["x", "--minutes", "8"])) == (8.0, "minutes")
