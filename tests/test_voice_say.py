"""`deepsc say` with the shipped voices: what it writes, what it refuses, and that every text ends."""

import json

import jiwer
import numpy as np
import pytest
import soundfile
from deepsc_export.voice.mel import mel_of
from host_process import deepsc

from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.ctc.greedy import greedy
from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.speaker import Speaker
from gr_deepsc.voice.synthesizer import LONGEST, PAUSES, Synthesizer

HOSTILE = (
    "a", "'a'", "a.b.c", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "x " * 100, "qxj vkw zzq prk", "e" * 600,
    "the " * 150, "strengths", "aaaa bbbb cccc dddd", "i i i i i i i", "buffalo " * 20, "psst", "hmm hm mm",
    "wjqx'zk'bv", "o'o'o'o'o", "the new jal fel as far short of the demans maid on it", "q", "w" * 50, "it's",
)  # fmt: skip
SENTENCE = "the various wards were all about eleven feet in height"


@pytest.fixture(scope="module")
def synthesizer():
    return Synthesizer()


def test_users(synthesizer):
    """Two registered users, of free recordings; `deepsc voices` lists them."""
    listed = [json.loads(line) for line in deepsc("voices", "--json").stdout.splitlines()]
    assert [(entry["user_id"], entry["name"], entry["licence"]) for entry in listed] == [
        (0, "kathleen", "CC0"),
        (1, "LJSpeech", "public domain"),
    ]
    assert {k: tuple(v) for k, v in synthesizer.users.items()} == {
        e["user_id"]: (e["name"], e["licence"]) for e in listed
    }


def test_written(tmp_path):
    """A wav of 16 kHz; what has no sound and who has no voice is told."""
    path = tmp_path / "said.wav"
    done = deepsc("say", "The 3 wards’ HEIGHT, é ж", "--user-id", 77, "--out", path, "--json")
    assert done.returncode == 1  # a letter is not spoken
    result = json.loads(done.stdout)
    samples, rate = soundfile.read(path)
    assert rate == 16_000 and len(samples) / rate == pytest.approx(result["seconds"], abs=1e-3)
    assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.3 and np.abs(samples).max() <= 1
    assert (result["text"], result["user_id"], result["name"]) == ("the three wards height e", 0, "kathleen")
    assert result["warnings"][0] == "not spoken: ж (cyrillic small letter zhe)" and "77" in result["warnings"][1]
    assert result["rtf"] > 0


@pytest.mark.parametrize("vocoder", ["fast", "wavenet", "griffinlim"])
def test_vocoders(tmp_path, vocoder):
    """One word by each, as in another process; at a voice's level, its loud mels those that were asked for."""
    path = tmp_path / "said.wav"
    done = deepsc("say", "yes", "--vocoder", vocoder, "--speed", 2, "--out", path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    samples, _ = soundfile.read(path, dtype="float32")
    assert result["vocoder"] == vocoder and result["seconds"] == pytest.approx(len(samples) / 16_000, abs=1e-3)
    assert result["first_audio_s"] == pytest.approx(result["rtf"] * result["seconds"], rel=0.01, abs=1e-3)
    assert result["load_s"] > 0
    synthesizer = Synthesizer(vocoder=vocoder)
    assert samples == pytest.approx(synthesizer("yes", speed=2.0), abs=1 / 32_768)
    wanted = synthesizer.log_mel("yes", speed=2.0)
    assert len(samples) == 256 * (len(wanted) - 1)
    found = mel_of(samples)
    loud = wanted > wanted.max() - 4
    assert np.abs(found - wanted)[loud].mean() < 0.7
    assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.3


def test_vocoder_that_is_not_there(tmp_path):
    """One line that says which there are, or which file is missing."""
    done = deepsc("say", "hello", "--vocoder", "vocodex")
    assert done.returncode == 2 and "griffinlim" in done.stderr and "Traceback" not in done.stderr
    with pytest.raises(ValueError, match="there are fast, wavenet, griffinlim"):
        Synthesizer(vocoder="vocodex")
    for name in ("acoustic.onnx", "vocoder.onnx"):
        (tmp_path / name).symlink_to(VOICE / name)
    with pytest.raises(FileNotFoundError, match=r"no model file .*wavenet_frames\.onnx"):
        Synthesizer(tmp_path, vocoder="wavenet")


@pytest.mark.parametrize(
    ("options", "status"),
    [(["?!"], 1), ([""], 1), (["hello", "--speed", 9], 2), (["hello", "--out", "/nowhere/x.wav"], 2)],
)
def test_refused(options, status):
    """One line that says why, no traceback."""
    done = deepsc("say", *options)
    assert done.returncode == status and "Traceback" not in done.stderr and "deepsc: " in done.stderr


@pytest.mark.parametrize("user_id", [0, 1])
def test_every_text_ends(synthesizer, user_id):
    """20 hostile texts: at most three times as long as 15 characters a second would be, and half a second."""
    for text in HOSTILE:
        waveform = synthesizer(text, user_id)
        assert np.isfinite(waveform).all()
        assert 0 < len(waveform) / 16_000 < 3 * len(text.strip()) / 15 + 0.5, text
    assert len(synthesizer("  ", user_id)) == 0


@pytest.mark.parametrize("user_id", [0, 1])
def test_speed(synthesizer, user_id):
    """Twice as fast is half as long: the durations are rounded to 1/8 of a frame."""
    slow, fast = (len(synthesizer(SENTENCE, user_id, speed)) for speed in (1.0, 2.0))
    assert fast / slow == pytest.approx(0.5, abs=0.02)


def test_understood(synthesizer):
    """Our own recogniser reads what the voices say; an independent judge's figures are in MODELS.md."""
    transmitter = FramewiseEncoder("default")
    texts = [greedy(np.log(transmitter(synthesizer(SENTENCE, user))[1] + 1e-9))[0] for user in (0, 1)]
    print(texts)
    assert jiwer.cer([SENTENCE] * 2, texts) < 0.35


class Asked(Synthesizer):
    """A synthesizer that keeps what its acoustic model was asked to say."""

    def log_mel(self, text, user_id=0, speed=1.0):
        self.asked = [*getattr(self, "asked", []), text]
        return super().log_mel(text, user_id, speed)


def test_numbers_and_abbreviations_are_spoken():
    """As words, without a pause inside: the text of a complaint of which "dr smith paid at on nd may call" was said."""
    synthesizer = Asked()
    assert len(synthesizer("Dr. Smith paid $3.50 at 10:45 on 2nd May, call 555-1234")) > 16_000
    first = "doctor smith paid three dollars fifty cents at ten forty five on second may"
    assert synthesizer.asked == [first, "call five five five one two three four"]


@pytest.mark.parametrize("speed", [1.0, 1.6])
def test_pauses(synthesizer, speed):
    """0.15 s at a comma, 0.35 s at a stop, at another speed in proportion; none behind the last word."""
    one, two, three = (synthesizer(word, 1, speed) for word in ("one", "two", "three"))
    comma, stop = (np.zeros(round(PAUSES[mark] / speed * 16_000), np.float32) for mark in ",.")
    wanted = np.concatenate([one, comma, two, stop, three])
    np.testing.assert_array_equal(synthesizer("One, two. Three!", 1, speed), wanted)
    assert len(wanted) - len(one) - len(two) - len(three) == pytest.approx(0.5 / speed * 16_000, abs=1)


def test_what_has_no_sound_is_told():
    """A speaker says all else, and warns of nothing that it says."""
    speaker = Speaker()
    assert [speaker(text, 0).warning for text in ("It’s 20°!", "ж x", "?!")] == [
        None, "not spoken: ж", "nothing was recognised: no speech",
    ]  # fmt: skip


def test_a_long_text_is_spoken_in_parts(synthesizer):
    """At most `LONGEST` characters at once, cut between words: memory is that of the longest part."""
    words = ["the", "various", "wards", "were", "all", "about"] * 10
    text = " ".join(words)
    assert LONGEST < len(text) < 2 * LONGEST
    cut = text.rindex(" ", 0, LONGEST + 1)
    wanted = np.concatenate([synthesizer(text[:cut]), synthesizer(text[cut + 1 :])])
    np.testing.assert_array_equal(synthesizer(text), wanted)
