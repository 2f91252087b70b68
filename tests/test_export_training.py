"""Training really learns, resumes where it stopped, and starts again from a shipped file."""

import shutil
from fractions import Fraction

import numpy as np
import pytest
import torch
from deepsc_export import checkpoint, distil, onnx_export, train_codec, train_head, train_recogniser
from deepsc_export.config import CodecDims, Config, ConvDims, DeepSpeechDims, WhisperDims
from deepsc_export.data.audio import Speech
from deepsc_export.data.corpora import Utterance
from deepsc_export.models.recogniser import build, ctc_loss
from deepsc_export.models.system import DeepSC
from deepsc_export.onnx_weights import read_weights
from deepsc_export.optimisation import LEAST, descend, half_cosine, straight

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

    monkeypatch.setitem(train_recogniser.CONFIGS, "compact", SMALL)
    rng, utterances = np.random.default_rng(4), []
    for number in range(120):
        letters = rng.choice(list("abcdefgh"), rng.integers(4, 8))
        time = np.arange(4 * HOP) / 16_000
        audio = [
            0.2 * np.sin(2 * np.pi * 500 * (1 + ord(c) - ord("a")) * time) * np.hanning(4 * HOP)
            for c in letters
        ]
        path = tmp_path / f"{number}.wav"
        soundfile.write(
            path, np.concatenate(audio) + 1e-3 * rng.standard_normal(4 * HOP * len(letters)), 16_000
        )
        utterances.append(Utterance(f"tones/{number}", path, "".join(letters), "s", "train"))
    return Speech(utterances[:100], tmp_path / "cache"), Speech(utterances[100:], tmp_path / "cache")


def test_recogniser_learns_and_resumes(tones, tmp_path, monkeypatch):
    """From chance to a CER below 0.1 on unseen sequences; a second run goes on at the hour the first one ended."""
    monkeypatch.setattr(
        train_recogniser, "change_speed", lambda samples, rng: samples
    )  # would change the tone
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train, valid = tones
    plan = train_recogniser.Plan(hours=0.5, batch_seconds=8.0, lr=5e-3)
    run = train_recogniser.Run(SMALL, tmp_path / "run", plan)
    before, _ = train_recogniser.validate(run.model, valid)
    train_recogniser.train(run, train, valid)
    assert before > 0.7 and run.best < 0.1
    again = train_recogniser.Run(SMALL, tmp_path / "run", plan)
    assert again.seen == run.seen >= 0.5 and again.best == run.best
    assert again.log.minutes >= run.log.minutes - 0.02
    _, best = train_recogniser.load_recogniser(tmp_path / "run" / "best.pt")
    assert train_recogniser.validate(best, valid)[0] == run.best

    system = DeepSC(SMALL)
    system.recogniser.load_state_dict(best.state_dict())
    onnx_export.export(system, tmp_path / "onnx", "tones")
    state = {k.removeprefix("recogniser."): v for k, v in read_weights(tmp_path / "onnx").items()}
    warm = train_recogniser.Run(SMALL, tmp_path / "warm", plan, initial=state)
    assert train_recogniser.validate(warm.model, valid)[0] <= run.best + 0.02


def test_head_learns_on_cached_states(tones, tmp_path, monkeypatch):
    """The head alone learns on the states of an encoder that stays as it is, even a random one."""
    whisper = Config("pretrained", WhisperDims(width=64, heads=2, layers=1, head_layers=1, head_units=32))
    monkeypatch.setitem(train_recogniser.CONFIGS, "pretrained", whisper)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train, valid = tones
    run = train_recogniser.Run(whisper, tmp_path / "run", train_recogniser.Plan(1.0, batch_seconds=8.0))
    encoder = {k: v.clone() for k, v in run.model.encoder.state_dict().items()}
    states = train_head.States(run.model, train, tmp_path)
    held_out = train_head.States(run.model, valid, tmp_path)
    change = train_head.augmentation(np.random.default_rng(1))
    augmented = train_head.States(run.model, train, tmp_path, "augmented", change)
    assert augmented.rows.shape != states.rows.shape  # at other speeds
    monkeypatch.setattr(train_head.States, "_extract", None)  # the second time they are read
    assert np.array_equal(train_head.States(run.model, train, tmp_path).rows, states.rows)
    before, _ = train_head.validate(run.model, held_out)
    train_head.train(run, [states], held_out, hours=2.0, lr=5e-3)
    assert before > 0.7 and run.best < 0.5
    _, best = train_recogniser.load_recogniser(tmp_path / "run" / "best.pt")
    assert all(torch.equal(best.encoder.state_dict()[k], v) for k, v in encoder.items())
    # the states were cached by bfloat16 products: 8 bits, a few edits in two hundred letters
    assert train_recogniser.validate(best, valid)[0] == pytest.approx(run.best, abs=0.08)


def test_student_learns_from_teacher(tones, tmp_path, monkeypatch):
    """From the texts and from the states of a teacher whose encoder is random: most letters are right after 0.2 h.

    The hint explains a good part of the variance of the teacher's states; a second run goes on where this one ended.
    """
    whisper = WhisperDims(width=64, heads=2, layers=1, head_layers=1, head_units=32)
    monkeypatch.setattr(distil, "SPEEDS", (Fraction(1),))  # others would change the tone
    monkeypatch.setattr(distil, "HINTED", 0)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train, valid = tones
    teacher = build(whisper).eval()
    lessons = distil.Lessons(teacher, train, tmp_path)
    plan = train_recogniser.Plan(hours=0.2, batch_seconds=8.0, lr=5e-3)
    run = train_recogniser.Run(SMALL, tmp_path / "run", plan, helper=torch.nn.Linear(64, 128))
    distil.train(run, teacher, [lessons], valid, degraded=0.1)
    assert run.best < 0.5
    lesson = next(distil.endless([lessons], 30.0, 5.0, 0.0, np.random.default_rng(0)))
    scale = tuple(map(torch.from_numpy, lessons.moments))
    with torch.no_grad():
        student = distil.Student(run.model, run.helper)
        _, _, unexplained = distil.losses(student, teacher, lesson, scale, None)
    assert unexplained < 0.8
    again = train_recogniser.Run(SMALL, tmp_path / "run", plan, helper=torch.nn.Linear(64, 128))
    assert again.seen == run.seen and torch.equal(again.helper.weight, run.helper.weight)


def one_hot_speech(rng: np.random.Generator, utterances: int) -> train_codec.Features:
    """Error-free P: each character a frame of its token and a blank, as a confident encoder emits it."""
    texts = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz '"), 40)) for _ in range(utterances)]
    texts = [" ".join(text.split()) for text in texts]
    rows = []
    for text in texts:
        tokens = [t for token in encode(text) for t in (token, 28)]
        rows.append((0.97 * np.eye(29)[tokens] + 0.03 / 29).astype(np.float16))
    return train_codec.Features(rows, texts)


def test_codec_learns_and_resumes(tmp_path, monkeypatch):
    """Random text (no language to lean on) crosses AWGN at 4 dB with CER < 0.1 after 300 batches of 80 s."""
    rng = np.random.default_rng(5)
    monkeypatch.setattr(train_codec, "VALIDATE", (("awgn", 4.0), ("rician", 8.0)))
    monkeypatch.setattr(train_codec, "ES_N0_DB", (2.0, 12.0))
    monkeypatch.setattr(train_codec, "BATCH_SECONDS", 80)
    torch.set_num_threads(1)
    features, valid = one_hot_speech(rng, 400), one_hot_speech(rng, 40)
    codec = train_codec.train(SMALL, features, valid, tmp_path, steps=300, lr=6e-3)
    texts = train_codec.texts_across(codec, valid, "awgn", 4.0)
    assert train_codec.error_rates(valid.texts, texts)[0] < 0.1
    assert checkpoint.load(tmp_path / "codec.pt")["steps"] == 300
    resumed = train_codec.train(SMALL, features, valid, tmp_path, steps=300, lr=6e-3)
    assert all(torch.equal(a, b) for a, b in zip(codec.parameters(), resumed.parameters(), strict=True))


def test_paper_codec_is_trained_by_zero_forcing(tmp_path, monkeypatch):
    """The paper's own decoder (4,469 parameters, no reliability) learns at its fixed Rician 8 dB."""
    monkeypatch.setattr(train_codec, "VALIDATE", (("awgn", 8.0),))
    torch.set_num_threads(1)
    paper = Config("paper", SMALL.encoder, CodecDims())
    features = one_hot_speech(np.random.default_rng(6), 200)
    codec = train_codec.train(paper, features, features, tmp_path, 150, lr=5e-3, fixed=("rician", 8.0))
    texts = train_codec.texts_across(codec, features, "awgn", 8.0, train_codec.zero_forcing)
    assert train_codec.error_rates(features.texts, texts)[0] < 0.1


def test_ctc_loss_closed_form():
    """Uniform probabilities over T = 2 frames, one token: paths (a,a), (a,-), (-,a) of 29^2 each."""
    loss = ctc_loss(torch.zeros(1, 2, 29), torch.tensor([2]), torch.tensor([0]), torch.tensor([1]))
    assert loss.item() == pytest.approx(-np.log(3 / 29**2), rel=1e-5)


def test_interrupted_save_keeps_the_old_file(tmp_path):
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"seen": 1.0})
    shutil.copy(path, path.with_suffix(".partial"))  # what a kill in mid-save leaves
    assert checkpoint.load(path) == {"seen": 1.0}


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
