"""Text -> mel: alignment against brute force, a model that ends by construction, the graph that computes the same."""

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from deepsc_export.data.audio import decode
from deepsc_export.data.corpora import Utterance
from deepsc_export.onnx_files.trace import from_border
from deepsc_export.onnx_files.weights import read_graph
from deepsc_export.training import checkpoint
from deepsc_export.training.run import Plan
from deepsc_export.voice import files, mel
from deepsc_export.voice.acoustic import align, export, teach, train
from deepsc_export.voice.acoustic.judge import windows
from deepsc_export.voice.acoustic.losses import duration_loss
from deepsc_export.voice.acoustic.model import MAX_FRAMES, Acoustic, AcousticDims, parameters, upsample
from deepsc_export.voice.batches import collate, epochs, groups
from deepsc_export.voice.mel import MELS
from deepsc_export.voice.spoken import EDGE, Spoken, Voices, begin, edged, prepare

from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.session import MODELS, open_session
from gr_deepsc.text import BLANK, TOKENS, encode
from gr_deepsc.voice.pronunciation import pronounce

SAMPLES = Path(__file__).parent / "samples"

SMALL = AcousticDims(
    speakers=3, width=32, encoder_convs=1, encoder_layers=1, decoder_convs=1, decoder_units=32, postnet=16
)


def test_a_text_too_long_is_refused():
    """`aa` needs a blank in between: 3 frames of 40 ms, of which each `a` has one, and half the blank (20 ms)."""
    flat = np.full((3, TOKENS), 1 / TOKENS)
    with pytest.raises(align.AlignmentError, match="2 tokens do not fit into 2 frames"):
        align.cuts(flat[:2], "aa")
    assert align.cuts(flat, "aa").tolist() == pytest.approx([0, 0.06, 0.12])


# Mel frames of each character of two recordings, the edges included, as the voices were trained on.
DURATIONS = {
    "arctic_a0209": [
        1, 4, 5, 2, 6, 2, 2, 3, 5, 2, 3, 5, 2, 3, 5, 5, 3, 4, 6, 4, 3, 5, 5, 5, 10, 5, 3, 4, 3, 3, 7, 3, 4, 3, 5, 2, 8,
        5, 3, 4, 7, 1,
    ],
    "LJ002-0045": [
        1, 1, 3, 3, 2, 5, 3, 4, 6, 2, 5, 5, 5, 5, 2, 6, 4, 3, 3, 2, 5, 3, 2, 2, 3, 5, 5, 3, 4, 3, 3, 4, 3, 3, 4, 6, 4,
        3, 3, 7, 5, 2, 7, 3, 6, 4, 3, 5, 5, 5, 2, 3, 3, 4, 6, 3,
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", DURATIONS)
def test_durations_of_real_recordings(name):
    """To the frame what they were when the shipped voices were trained; in all as many as the recording has."""
    transcripts = dict(line.split("|") for line in (SAMPLES / "transcripts.csv").read_text().splitlines())
    samples = decode(SAMPLES / f"{name}.flac")
    cuts = align.cuts(FramewiseEncoder("default")(samples)[1], transcripts[name])
    frames = len(mel.mel_of(mel.prepare(samples)))
    found = align.to_durations(cuts - mel.speech_part(samples).start / 16_000, frames)
    assert found.tolist() == DURATIONS[name] and sum(DURATIONS[name]) == frames


def test_monotonic_is_the_best_of_all_segmentations():
    """Brute force over the C(7, 2) = 21 ways to cut 8 frames into 3 parts."""
    rng = np.random.default_rng(1)
    anywhere = np.full(3, 0), np.full(3, 8)
    for _ in range(20):
        scores = rng.standard_normal((3, 8))
        cuts = max(
            itertools.combinations(range(1, 8), 2),
            key=lambda c: scores[0, : c[0]].sum() + scores[1, c[0] : c[1]].sum() + scores[2, c[1] :].sum(),
        )
        wanted = np.diff([0, *cuts, 8])
        assert align.monotonic(scores, *anywhere).tolist() == wanted.tolist()
    late = align.monotonic(scores, np.array([0, 6, 7]), np.array([0, 6, 7]))
    assert late.tolist() == [6, 1, 1]


def test_blanks_are_shared_out():
    """Midway between two letters; beside a space at most one frame (40 ms) of the silence is the letter's."""
    path = np.array([0] * 3 + [1] + [2] * 4 + [3] + [4] * 3 + [5] + [6] * 9 + [7] + [8] * 7)
    assert align.boundaries(path, encode("ab c")).tolist() == [2, 6, 10, 21, 24]


def test_durations_sum_to_the_frames():
    """In every case, also where cuts coincide or lie outside, each token has a frame at least."""
    rng = np.random.default_rng(2)
    for frames in (12, 40, 200):
        for _ in range(50):
            cuts = np.sort(rng.uniform(-0.1, frames / 62.5 + 0.1, 11))
            durations = align.to_durations(cuts, frames)
            assert durations.sum() == frames and durations.min() >= 1 and len(durations) == 12
    assert align.to_durations(np.array([0.16, 0.32, 0.8]), 62).tolist() == [10, 10, 30, 12]
    with pytest.raises(align.AlignmentError):
        align.to_durations(np.arange(11) / 10, 11)


def test_upsampling_keeps_order_and_length():
    """A token dominates between its cuts: at a middle its density is 1 / sigma, a neighbour's exp(-3) of that."""
    durations = torch.tensor([[6.0, 10.0, 4.0, 0.0]])
    spread, place = upsample(torch.eye(4)[None], durations, 10)
    assert spread.shape == (1, 10, 4) and place.shape == (1, 10, 2)
    assert spread.sum(2).allclose(torch.ones(1, 10))
    assert spread[0].argmax(1).tolist() == [0] * 3 + [1] * 5 + [2] * 2
    assert spread[0, :, 3].max() == 0  # what is no token has no frames


def test_pitch_of_tokens():
    """The mean of the voiced frames' log F0, across an unvoiced token the middle between its neighbours."""
    item = spoken("ab", np.random.default_rng(0))  # edge a b edge, 4 frames each
    item.f0[:] = [0] * 4 + [100] * 4 + [0] * 4 + [400] * 4
    wanted = np.log([100, 100, 200, 400]) - 5
    assert np.abs(item.pitch(5.0, 1.0) - wanted).max() < 1e-5
    assert np.abs(item.pitch(5.0, 2.0) - wanted / 2).max() < 1e-5
    item.f0[:] = 0
    assert item.pitch(5.0, 1.0).tolist() == [0, 0, 0, 0]


def test_parameter_count():
    """The default model: 4.4 M, of which the decoder has about half."""
    model = Acoustic(AcousticDims())
    print(f"{parameters(model):,} parameters")
    assert 3e6 < parameters(model) < 6e6


@pytest.mark.parametrize("text", ["a", "'", " ", "z" * 300, "qxj vwk " * 75, "hello world"])
def test_any_text_ends(text):
    """Frames <= 25 a character, whatever an untrained network predicts; slower by half is twice as long."""
    torch.manual_seed(0)
    model = Acoustic(SMALL).eval()
    model.prosody.output.bias.data[0] = 50.0  # it wants e^50 frames a character
    tokens, phones = torch.tensor([encode(text)]), torch.tensor([pronounce(text)])
    with torch.inference_mode():
        mel = model(tokens, phones, torch.tensor([1]), torch.tensor([1.0]))
        slow = model(tokens, phones, torch.tensor([1]), torch.tensor([0.5]))
    assert mel.shape == (1, 2 * -(-MAX_FRAMES * (len(text) + 2) // 2), MELS)
    assert slow.shape[1] == 2 * MAX_FRAMES * (len(text) + 2)
    assert mel.isfinite().all()


def spoken(text: str, rng: np.random.Generator, speaker: int = 0) -> Spoken:
    """A language of tones: each letter is 4 frames of one raised mel band, louder by speaker."""
    tokens = np.array(edged(text))
    durations = np.full(len(tokens), 4)
    mel = np.full((4 * len(tokens), MELS), -4.0)
    for i, token in enumerate(tokens):
        mel[4 * i : 4 * i + 4, 2 * token : 2 * token + 4] = speaker
    mel = (mel + 0.05 * rng.standard_normal(mel.shape)).astype(np.float16)
    begins = np.cumsum(durations) - durations
    f0 = np.full(len(mel), 200.0, np.float32)
    return Spoken(text + str(speaker), text, speaker, tokens, mel, f0, durations, begins)


@pytest.fixture
def language():
    rng = np.random.default_rng(0)
    return [
        spoken("".join(rng.choice(list("abcdefghijkl "), rng.integers(4, 12), replace=False)), rng, i % 2)
        for i in range(60)
    ]


def test_padding_does_not_leak(language):
    """A short utterance has the same mel alone and beside a long one."""
    torch.manual_seed(0)
    model = Acoustic(SMALL).eval()
    short, long = sorted(language, key=lambda item: item.frames)[:: len(language) - 1]
    pitch = [(5.0, 1.0)] * 3
    with torch.inference_mode():
        *_, alone = teach.speak(model, collate([short], pitch))
        *_, beside = teach.speak(model, collate([short, long], pitch))
    assert (alone[0] - beside[0, : alone.shape[1]]).abs().max() < 1e-5


def test_groups_keep_every_item(language):
    found = list(groups(language, 300, np.random.default_rng(0)))
    assert sorted(item.key for group in found for item in group) == sorted(item.key for item in language)
    assert all(len(group) * max(item.frames for item in group) <= 300 for group in found)


def test_training_learns_and_resumes(language, tmp_path):
    """In 240 steps the mel error of a language of tones falls below a half; another run of the folder goes on."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    plan, course = Plan(tmp_path, (240, "steps"), (100, "steps")), train.Course(3e-3, 600, realign_at=(0.5,))
    voices = Voices(["a", "b", "flite_c"], language[:50], language[50:])
    model = begin(Acoustic(SMALL), voices)
    training = train.Training(plan, model, voices, course=course)
    before, *_ = teach.validate(training.run.average("acoustic"), voices.valid, voices.pitch)
    training.train()
    average = training.run.average("acoustic")
    after, duration, ratios = teach.validate(average, voices.valid, voices.pitch)
    assert after < before / 2 and duration < 1.0
    assert all(abs(ratio - 1) < 0.15 for ratio in ratios.values())
    moves = [np.abs(item.durations - 4).mean() for item in language[:50]]
    assert np.mean(moves) < 0.1  # realigned, and stayed
    kept, names = export.load_acoustic(tmp_path)
    assert names == voices.speakers and torch.equal(kept.stretch, average.stretch.cpu())
    language[0].durations = np.full(1, 4)  # as the recogniser heard it
    again = train.Training(plan, Acoustic(SMALL), voices, course=course)
    assert again.run.steps == 240 and again.run.best == training.run.best and again.run.done >= 1
    assert torch.equal(again.model.speaker.weight, model.speaker.weight)
    assert again.run.extra["realigned"] == 1 and language[0].durations.sum() == language[0].frames


def test_onnx_parity_and_warm_start(tmp_path):
    """torch and ONNX Runtime within 1e-4 at five lengths; the file gives back its weights to half precision."""
    torch.manual_seed(0)
    model = Acoustic(SMALL).eval()
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    path = tmp_path / "acoustic.onnx"
    worst = export.export(model, {"kathleen": "CC0", "LJSpeech": "public domain"}, path, "nothing")
    assert worst < 1e-4
    meta = {p.key: p.value for p in onnx.load(path).metadata_props}
    assert (meta["sample_rate"], meta["hop"], meta["mels"]) == ("16000", "256", "80")
    assert '"name": "LJSpeech", "licence": "public domain"' in meta["users"]
    warm = Acoustic(SMALL)
    files.fill(warm, read_graph(path))
    for key, value in warm.state_dict().items():
        rows = slice(0, 2) if key in ("speaker.weight", "stretch") else slice(None)
        assert (value[rows] - weights[key][rows]).abs().max() < 2e-3, key
    assert BLANK == EDGE  # an edge is no character of the alphabet


def test_parity_is_no_matter_of_a_rounding(tmp_path):
    """The stretch puts a duration of a text that would be compared onto the border between two eighths of a frame: each
    runtime takes one or the other by its last bits, and mels differ by tenths. Another text is compared then."""
    torch.manual_seed(0)
    model = Acoustic(SMALL).eval()
    model.prosody.output.bias.data[0] = 1.5  # 4.5 mel frames a token
    for feed in list(export.feeds(model, 1))[:3]:
        with torch.inference_mode():
            eighths = model.read(*feed)[2].median()
            model.stretch *= (eighths.floor() + 0.5) / eighths
            assert from_border(model.read(*feed)[2]).min() < 1e-4
            least = min(from_border(model.read(*other)[2]).min() for other in export.feeds(model, 1))
        assert least > 2e-4  # the runtimes differ by 1e-4 eighths
    assert export.export(model, {"kathleen": "CC0"}, tmp_path / "acoustic.onnx", "nothing") < 1e-4


def test_prepared_recordings_travel(tmp_path):
    """Prepared once, they are there without their recordings: mels to half a step of 1/16 neper and half precision."""
    rows = [line.split("|") for line in (SAMPLES / "transcripts.csv").read_text().splitlines()]
    told = [Utterance(name, SAMPLES / f"{name}.flac", text, "me", "train", text) for name, text in rows]
    first = prepare(told, tmp_path, ["you", "me"])
    for path in tmp_path.glob("speech-*"):
        path.unlink()
    again = prepare([replace(u, path=Path("nowhere.flac")) for u in told], tmp_path, ["you", "me"])
    assert [item.key for item in again] == [item.key for item in first] == [name for name, _ in rows]
    for item, utterance in zip(again, told, strict=True):
        assert item.speaker == 1 and item.durations.sum() == item.frames == len(item.f0)
        exact = mel.mel_of(mel.prepare(decode(utterance.path)))[item.first :][: item.frames]
        assert np.abs(item.mel - exact).max() < 1 / 32 + 2**-8
    assert len(list(tmp_path.glob("spoken-*"))) == 1


def test_lent_voices_become_no_users():
    """Of three speakers one is a user; of the batches, half is the others' speech."""
    rng = np.random.default_rng(0)
    items = [spoken("abc", rng, i % 3) for i in range(60)]
    voices = Voices(["a", "b", "flite_c"], items, items[:1], users=1)
    assert voices.lent == {1, 2} and Voices(["a", "b", "flite_c"], items, items[:1]).lent == {2}
    drawn = epochs(lambda: items, voices.lent, lambda: 0.5, 400, rng)
    speakers = [item.speaker for _ in range(200) for item in next(drawn)]
    assert np.mean([speaker in voices.lent for speaker in speakers]) == pytest.approx(0.5, abs=0.05)


def test_a_run_s_speakers_are_found_by_name(language, tmp_path):
    """Another run begins with the same voices in another order; a stranger with their mean."""
    plan = Plan(tmp_path, (1, "steps"))
    first = train.Training(plan, Acoustic(SMALL), Voices(["a", "b", "c"], language, language[:2]))
    first.train()
    state, heads = train.warm(tmp_path, ["c", "d", "a"])
    table = first.run.average("acoustic").speaker.weight
    assert torch.equal(state["speaker.weight"], torch.stack([table[2], table.mean(0), table[0]]))
    assert heads.keys() == first.heads.state_dict().keys()


@pytest.mark.slow
def test_a_discriminator_joins(language, tmp_path):
    """It listens first and is heard then; the model from before is kept beside. It sees what lies in an utterance."""
    mels = torch.arange(200.0)[None, :, None].expand(2, -1, MELS)
    found = windows(mels, torch.tensor([200, 30]), torch.tensor([0.999, 0.5]))
    assert found[0, :, 0].tolist() == list(range(104, 200))
    assert found[1, :, 0].tolist() == [*range(30), *[0] * 66]
    plan = Plan(tmp_path, (40, "steps"), save_every=(5, "steps"))
    course = train.Course(1e-3, 600, realign_at=(), judged_from=0.5)
    train.Training(plan, Acoustic(SMALL), Voices(["a", "b", "c"], language[:50], language[50:]), course=course).train()
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    # hinge loss of a discriminator that knows nothing: 2; its lead is 6 % of the run
    assert not rows[2]["judge"] and float(rows[-1]["judge"]) == pytest.approx(2, abs=0.7)
    assert not rows[2]["fooling"] and float(rows[-1]["fooling"]) > 0
    before, after = (checkpoint.best(tmp_path / part).networks["acoustic"] for part in ("unjudged", ""))
    assert not torch.equal(before["decoder.output.weight"], after["decoder.output.weight"])


def test_duration_loss_finds_the_mean():
    """Tokens that last 1 or 9 frames: the best guess is log 5, not the geometric mean's log 3; the truth costs 0."""
    durations, counts = torch.tensor([[1.0, 9.0]]), torch.tensor([2])
    guesses = torch.linspace(0, 3, 301)
    losses = [duration_loss(torch.full((1, 2), g), durations, counts).item() for g in guesses.tolist()]
    assert abs(guesses[int(np.argmin(losses))].exp().item() - 5) < 0.05
    assert duration_loss(durations.log(), durations, counts).item() == pytest.approx(0, abs=1e-6)


SHIPPED = MODELS / "voice" / "acoustic.onnx"


@pytest.mark.skipif(not SHIPPED.is_file(), reason="no acoustic model is shipped")
def test_shipped_model_speaks_at_a_reader_s_pace():
    """Read English is 12 to 20 characters a second, 3 to 5.5 mel frames each; nonsense does not last much longer."""
    run, names = open_session(SHIPPED), {}
    for entry in json.loads(run.get_modelmeta().custom_metadata_map["users"]):
        names[entry["id"]] = entry["name"]
    assert names == {0: "kathleen", 1: "LJSpeech"} and SHIPPED.stat().st_size < 15e6
    sentence = "the receiver knows the text and the user so it speaks in the voice that was registered"
    hostile = ["z" * 200, "'" * 40, "bcdfg hjklm npqrs tvwxz " * 8, "qxjvk" * 40, (sentence + " ") * 7]
    for user in names:
        for text in [sentence, *hostile]:
            feed = {"tokens": np.array([encode(text)]), "user_id": np.int64([user]), "speed": np.float32([1])}
            if any(entry.name == "phones" for entry in run.get_inputs()):
                feed["phones"] = np.array([pronounce(text)])
            (mel,) = run.run(None, feed)
            pace = mel.shape[1] / len(text)
            assert mel.shape[2] == MELS and np.isfinite(mel).all() and pace < 8
            if text == sentence:
                assert 3 < pace < 5.5
                slow = run.run(None, feed | {"speed": np.float32([0.5])})[0].shape[1]
                assert abs(slow / mel.shape[1] - 2) < 0.03
