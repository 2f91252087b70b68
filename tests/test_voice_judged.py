"""The shipped voices as others hear them: understood by an independent recogniser, told apart by plain statistics.

`make test-slow` measures both when DEEPSC_CORPORA names a folder with kathleen and LJSpeech-1.1.
"""

import json
import os
import shutil
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile
from deepsc_export.__main__ import main
from deepsc_export.data.audio import Speech, decode
from deepsc_export.data.corpora import Utterance, load
from deepsc_export.voice import pitch
from deepsc_export.voice.judging.judge import Judge
from deepsc_export.voice.judging.sound import sound
from deepsc_export.voice.judging.tell_apart import Speakers, right, spread, statistics, tell_apart
from deepsc_export.voice.mel import mel_of
from scipy.special import ndtr

from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.synthesizer import Synthesizer

CORPORA = ("kathleen", "LJSpeech-1.1")  # of users 0 and 1
SAMPLES = Path(__file__).parent / "samples"
SENTENCES = {"kathleen": 60, "LJSpeech-1.1": 100}  # all of the test splits' texts


def test_classes_are_gaussian():
    """Two classes at a Mahalanobis distance of 3, one covariance: 1 - Phi(-1.5) = 0.933 of the draws are right."""
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((28, 28)) / 5 + np.eye(28)
    shift = np.zeros(28)
    shift[0] = 3.0
    draw = lambda user: (rng.standard_normal((4000, 28)) + user * shift) @ mix  # noqa: E731
    speakers = Speakers.learn([draw(0), draw(1)])
    distances = [speakers.distances(draw(user)) for user in (0, 1)]
    assert right(distances) == pytest.approx(ndtr(1.5), abs=0.03)  # shrinking costs a little
    assert right(distances[::-1]) == pytest.approx(1 - ndtr(1.5), abs=0.03)


def test_voices_differ_as_their_speakers_do():
    """One text by both voices: LJSpeech's reader speaks 5 semitones above kathleen in training, 1.36 in frequency."""
    synthesizer = Synthesizer()
    said = [synthesizer("it was not a large lake and almost round", user) for user in (0, 1)]
    tracks = [pitch.track(waveform) for waveform in said]
    ratio = np.divide(*(np.median(f0[f0 > 0]) for f0 in tracks[::-1]))
    assert 1.36 / 1.2 < ratio < 1.36 * 1.2
    recorded = [statistics(decode(SAMPLES / name)) for name in ("arctic_a0209.flac", "LJ002-0045.flac")]
    spoken = [statistics(waveform) for waveform in said]
    # between the means of the cepstra, each voice is nearer to its own speaker
    distance = np.array([[np.linalg.norm((a - b)[:13]) for b in recorded] for a in spoken])
    print(distance.round(2))
    assert distance.argmin(1).tolist() == [0, 1]


def test_pitch_and_pace_beside_the_recordings():
    """A tone twice as long and a fifth (1.5) higher, to the pitch tracker's 1 %."""
    t = np.arange(24_000) / 16_000
    low, high = (
        0.3 * np.sign(np.sin(2 * np.pi * f * t[:n])).astype(np.float32) for f, n in ((120, 12_000), (180, None))
    )
    real, made = sound([low, low], False), sound([high, high], False)
    assert real.f0 == pytest.approx(120, rel=0.01) and real.seconds == pytest.approx(1.5, abs=0.05)
    assert made.f0 / real.f0 == pytest.approx(1.5, rel=0.01) and made.seconds / real.seconds == pytest.approx(
        2, abs=0.1
    )
    assert made.beside(real).startswith("F0 180 Hz") and "DNSMOS" not in made.beside(real)


@pytest.mark.slow
def test_opinions_fall_with_noise():
    """DNSMOS of a recording is above that of the same 5 dB above white noise."""
    pytest.importorskip("speechmos")
    pytest.importorskip("librosa")
    clean = decode(SAMPLES / "LJ002-0045.flac")
    noise = np.random.default_rng(0).standard_normal(len(clean)) * np.sqrt(np.square(clean).mean() / 10**0.5)
    good, bad = (sound([x.astype(np.float32)], True) for x in (clean, clean + noise))
    assert 1 < bad.overall < good.overall - 0.5 < 5 and bad.quality < good.quality - 0.5


@pytest.mark.parametrize("source", [["--first-user", "1"], ["--copies"]], ids=["text", "copies"])
def test_sentences_are_spoken_to_files(source, tmp_path, capsys):
    """A file a text and vocoder; a copy is as long as its recording to 256 samples, and told so by its mel distance."""
    folder, out = tmp_path / "mine", tmp_path / "out"
    (folder / "wavs").mkdir(parents=True)
    shutil.copy(SAMPLES / "LJ002-0045.flac", folder / "wavs")
    text = "the various wards were all about eleven feet in height"
    (folder / "metadata.csv").write_text(f"LJ002-0045|{text}|me|test")
    options = ["--vocoder", "original", "fast", "--cache", str(tmp_path), "--out", str(out)]
    main(["voice", "speak", str(folder), *source, *options])
    lengths = {}
    for name in ("original", "fast"):
        assert json.loads((out / name / "texts.json").read_text()) == {"mine__LJ002-0045": text}
        lengths[name] = soundfile.info(out / name / "mine__LJ002-0045.wav").frames
    if "--copies" in source:
        assert lengths["fast"] == lengths["original"]
    else:  # her voice at about her pace
        assert lengths["fast"] / lengths["original"] == pytest.approx(1, abs=0.25)
    said = capsys.readouterr().out
    # the recording itself has a distance, of 0, only where the mels are its own
    assert ("original: mel distance 0.000 nepers" in said) == ("--copies" in source)
    assert "fast: mel distance 0." in said
    with pytest.raises(SystemExit, match="no recording for 'test' takes 60 to 90 s"):
        main(["voice", "speak", str(folder), "--seconds", "60", "90", "--cache", str(tmp_path)])


def interpolated(mel: np.ndarray, frames: int) -> np.ndarray:
    """Stretched to so many frames."""
    return np.stack([np.interp(np.linspace(0, 1, frames), np.linspace(0, 1, len(mel)), band) for band in mel.T], 1)


def test_page_to_listen(tmp_path, browser):
    """All of a sentence is played and shown by a browser from the files alone; a copy is nearer to the recording."""
    folder, out = tmp_path / "mine", tmp_path / "page"
    (folder / "wavs").mkdir(parents=True)
    shutil.copy(SAMPLES / "LJ002-0045.flac", folder / "wavs")
    text = "The various wards were <all> about eleven feet in height,"
    (folder / "metadata.csv").write_text(f"LJ002-0045|{text}|me|test")
    options = ["--before", str(VOICE), "--say", "Yes.", "--cache", str(tmp_path), "--out", str(out)]
    main(["voice", "page", str(folder), *options])
    page = browser.new_page()
    page.goto((out / "index.html").as_uri())
    assert page.locator("h2").all_inner_texts() == [f"{text} (mine/LJ002-0045)", "Yes."]
    titles = page.locator("section").first.locator("figcaption").all_inner_texts()
    assert titles[:4] == ["recording", "copy synthesis", "copy by Griffin-Lim", "user 0, kathleen"]
    assert len(titles) == 3 + 2 + 2 and titles[-1] == "user 1, LJSpeech, before"
    heard, pictures = page.locator("audio"), page.locator("img")
    assert heard.count() == pictures.count() == len(titles) + 4
    durations = [each.evaluate("a => a.play().then(() => a.duration)") for each in heard.all()]
    assert page.evaluate("[...document.querySelectorAll('audio')].filter(a => !a.paused).length") == 1  # the last
    waves = [soundfile.read(out / each.get_attribute("src"), dtype="float32") for each in heard.all()]
    assert {rate for _, rate in waves} == {16_000}
    assert durations == pytest.approx([len(wave) / 16_000 for wave, _ in waves], abs=0.01)
    mels = [mel_of(wave) for wave, _ in waves]
    assert [p.evaluate("i => [i.naturalHeight, i.naturalWidth]") for p in pictures.all()] == [
        [80, len(m)] for m in mels
    ]
    real = mels[0]
    distances = [np.abs(interpolated(mel, len(real)) - real).mean() for mel in mels[1 : len(titles)]]
    print(np.round(distances, 2))
    # fast vocoder and Griffin-Lim keep the mels to 0.3 nepers; other voices speak at another pace and in another way
    assert max(distances[:2]) < 0.3 < 2 * 0.3 < min(distances[2:])
    page.close()
    with pytest.raises(SystemExit, match="no sentence: name a corpus"):
        main(["voice", "page", "--out", str(out)])
    with pytest.raises(SystemExit, match=r"'\.\.\.': no word that could be spoken"):
        main(["voice", "page", "--say", "...", "--out", str(out)])


def corpus(name: str) -> Path:
    if "DEEPSC_CORPORA" not in os.environ:
        pytest.skip("DEEPSC_CORPORA does not name a folder of corpora")
    return Path(os.environ["DEEPSC_CORPORA"]) / name


@pytest.fixture(scope="module")
def judge():
    pytest.importorskip("faster_whisper", reason="no judge: pip install '.[judge]', as `make test-slow` does")
    return Judge()


def held_out(name: str) -> list[Utterance]:
    """One recording of each test text of a corpus."""
    found = {u.text: u for u in load(corpus(name)) if u.split == "test"}
    return [found[text] for text in spread(list(found), SENTENCES[name])]


@pytest.mark.slow
@pytest.mark.parametrize("name", CORPORA)
def test_judge_understands(judge, name, tmp_path):
    """CER of texts that were in no training <= 0.08 with the fast vocoder, of the recordings beside it."""
    utterances = held_out(name)
    texts, speech = [u.text for u in utterances], Speech(utterances, tmp_path)
    synthesizer, user = Synthesizer(), CORPORA.index(name)
    real = jiwer.cer(texts, [judge(speech[i]) for i in range(len(speech))])
    said = jiwer.cer(texts, [judge(synthesizer(text, user)) for text in texts])
    print(f"{name}, {len(texts)} sentences: recordings {real:.4f}, user {user} {said:.4f}")
    assert real < 0.05 and said <= 0.08


@pytest.mark.slow
@pytest.mark.skipif(not list(VOICE.glob("wavenet*")), reason="no WaveNet is shipped")
def test_judge_understands_wavenet(judge):
    """CER of five texts by each user <= 0.15."""
    synthesizer, texts, said = Synthesizer(vocoder="wavenet"), [], []
    for user, name in enumerate(CORPORA):
        chosen = spread([u.text for u in held_out(name)], 5)
        texts += chosen
        said += [synthesizer(text, user) for text in chosen]
    rate = jiwer.cer(texts, [judge(waveform) for waveform in said])
    print(f"WaveNet, {len(texts)} sentences: {rate:.4f}")
    assert rate <= 0.15


@pytest.mark.slow
def test_voices_are_told_apart(tmp_path):
    """At least 95 % of 100 sentences, 50 texts by both users, are nearer to their own speaker's real recordings."""
    result = tell_apart([corpus(name) for name in CORPORA], range(len(CORPORA)), VOICE, cache=tmp_path)
    real, spoken = result.distances(result.real), result.distances(result.spoken)
    print(f"right: recordings {right(real):.3f}, voices {right(spoken):.3f}")
    assert right(real) >= 0.98 and right(spoken) >= 0.95 and sum(map(len, spoken)) == 100
    for user, distances in enumerate(spoken):
        assert distances.mean(0).argmin() == user
