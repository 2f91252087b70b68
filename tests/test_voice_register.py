"""A voice for another user: from a folder of recordings to a file that whatever speaks here speaks with."""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import onnx
import pytest
import soundfile
import torch
from deepsc_export.data.corpora import CorpusError, load
from deepsc_export.voice import collect, register
from deepsc_export.voice.acoustic.export import read_acoustic
from deepsc_export.voice.acoustic.realign import refine
from deepsc_export.voice.acoustic.teach import validate
from deepsc_export.voice.spoken import pitch_statistics
from host_process import deepsc_here

from gr_deepsc.voice import own
from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.speaker import Speaker
from gr_deepsc.voice.synthesizer import Synthesizer

SAMPLES = Path(__file__).parent / "samples"
TEXT = "the various wards were all about eleven feet in height"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two recordings of one speaker, as a user would bring them."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "wavs").mkdir()
    rows = []
    for line in (SAMPLES / "transcripts.csv").read_text().splitlines():
        if line.startswith("LJ"):
            rows.append(f"{line}|me|train")
            shutil.copy(SAMPLES / f"{line.split('|')[0]}.flac", folder / "wavs")
    (folder / "metadata.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def registered(folder, tmp_path_factory):
    """The data folder of somebody who registered Ada, and what the command said before and after Ctrl-C."""
    data, mine = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("mine") / "my recordings"
    shutil.copytree(folder / "wavs", mine)  # without transcripts
    (mine / "broken.m4a").write_bytes(bytes(3000))
    (mine / "notes.txt").write_text("nothing to hear")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(data))
        patch.setattr("deepsc_host.commands.register.LEAST_S", 5.0)
        patch.setattr(own, "keep", Mock(side_effect=KeyboardInterrupt))  # at the latest moment
        command = "register", mine, "--name", "Ada", "--minutes", 0.005
        stopped = deepsc_here(*command)
        kept = sorted(path.name for path in (data / "deepsc").rglob("*.flac"))
        patch.undo()
        patch.setenv("XDG_DATA_HOME", str(data))
        patch.setattr("deepsc_host.commands.register.LEAST_S", 5.0)
        return data, stopped, kept, deepsc_here(*command)


@pytest.fixture
def voices(registered, tmp_path, monkeypatch) -> Path:
    """A copy of that folder of voices, which is one's own in the test."""
    shutil.copytree(registered[0], tmp_path / "data")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return own.folder()


def test_registered(registered):
    """Texts are written, a broken file is named and the others go on; Ctrl-C, and the same command is soon ready."""
    data, stopped, kept, done = registered
    assert stopped.returncode == 130 and "the same command goes on" in stopped.stderr and len(kept) == 2
    assert "2 pieces, of 2 the texts are written" in stopped.stdout and "resumed" not in stopped.stdout
    assert done.returncode == 1 and "resumed" in done.stdout and "deepsc say" in done.stdout
    told = done.stderr.splitlines()
    assert len(told) == 2 and "broken.m4a" in told[0] and "0.1 minutes of speech in 2 pieces are few" in told[1]
    path = data / "deepsc" / "voices" / "100.onnx"
    sums = path.with_name("SHA256SUMS").read_text()
    assert sums == f"{hashlib.sha256(path.read_bytes()).hexdigest()}  100.onnx\n"
    assert not list((data / "deepsc" / "registering").iterdir())  # recordings are private


def test_spoken_beside_the_shipped(voices):
    """The new user speaks, and the shipped voices say what they said, sample by sample."""
    before, after = Synthesizer(VOICE), Synthesizer()
    assert set(before.users) == {0, 1}  # whoever names a folder gets what is in it
    assert after.users == before.users | {100: ("Ada", "private")} and not after.left_out
    assert np.array_equal(after(TEXT, 1), before(TEXT, 1))
    said = after(TEXT, 100)
    assert np.isfinite(said).all() and 2 < len(said) / 16_000 < 6
    assert not np.array_equal(said, after(TEXT, 0))
    assert Speaker()("yes", 100).voice == 100  # what simulations, flowgraphs and the page speak with
    listed = [json.loads(line)["name"] for line in deepsc_here("voices", "--json").stdout.splitlines()]
    assert listed == ["kathleen", "LJSpeech", "Ada"]


def broken_bytes(voices: Path) -> None:
    (voices / "100.onnx").write_bytes(b"no model")


def another_hash(voices: Path) -> None:
    with (voices / "100.onnx").open("ab") as file:
        file.write(b"\0")


def other_phones(voices: Path) -> None:
    model = onnx.load(voices / "100.onnx")
    next(each for each in model.metadata_props if each.key == "phones").value = "AA,B"
    own.keep(100, lambda path: onnx.save(model, path))


def number_of_another(voices: Path) -> None:
    shutil.copy(VOICE / "acoustic.onnx", voices / "100.onnx")
    (voices / "SHA256SUMS").unlink()


@pytest.mark.parametrize("spoil", [broken_bytes, another_hash, other_phones, number_of_another])
def test_spoilt_voice(voices, spoil):
    """It is left out with a sentence that says how to mend that; the shipped ones speak. It can be removed."""
    spoil(voices)
    synthesizer = Synthesizer()
    assert set(synthesizer.users) == {0, 1} and len(synthesizer("yes")) > 1000
    assert "100.onnx" in synthesizer.left_out[0] and "deepsc voices --remove 100" in synthesizer.left_out[0]
    spoken = Speaker()("yes", 100)
    assert spoken.voice == 0 and len(spoken.speech) and "left out" in spoken.warning
    done = deepsc_here("voices")
    assert done.returncode == 0 and "left out" in done.stderr and "kathleen" in done.stdout
    assert deepsc_here("voices", "--remove", "100").returncode == 0 and not own.files()
    assert not deepsc_here("voices").stderr


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("Ada", [], "user 100 has this name; remove it by `deepsc voices --remove Ada`"),
        ("kathleen", [], "user 0 has this name; choose another one"),
        ("../x", [], "without /"),
        ("Bo", ["--number", 100], "taken by Ada"),
        ("Bo", ["--number", 1], "is not a whole number from 100"),
        ("Bo", [], "no recordings in it"),
    ],
)
def test_refused(voices, tmp_path, name, options, sentence):
    """One line that says what to do, before anything takes time."""
    (tmp_path / "empty").mkdir()
    done = deepsc_here("register", tmp_path / "empty", "--name", name, *options)
    assert done.returncode == 2 and sentence in done.stderr and done.stderr.count("\n") == 1


def test_too_little(folder, voices):
    done = deepsc_here("register", folder, "--name", "Bo")
    assert done.returncode == 2 and "0.1 minutes of speech in 2 pieces are left" in done.stderr
    assert "record more" in done.stderr


def test_removed(voices):
    assert deepsc_here("voices", "--remove", "kathleen").returncode == 2
    assert deepsc_here("voices", "--remove", "Ada").returncode == 0
    assert not own.files() and (voices / "SHA256SUMS").read_text() == ""


def test_without_torch(tmp_path, monkeypatch):
    """One line that says what to install."""
    for name in [name for name in sys.modules if name.startswith("deepsc_export.voice")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    done = deepsc_here("register", tmp_path, "--name", "Ada")
    assert done.returncode == 2 and "torch is missing" in done.stderr and "pip install '.[train]'" in done.stderr


def test_collected(folder, tmp_path):
    """Texts from metadata.csv and from a file beside; what is there twice counts once; what is left out is told."""
    mine = tmp_path / "mine"
    mine.mkdir()
    first, second = sorted((folder / "wavs").iterdir())
    samples, rate = soundfile.read(first, dtype="float32")
    soundfile.write(mine / "a.wav", np.stack([samples, samples], 1), rate)
    (mine / "a.txt").write_text("The new jail fell as far short of the demands made on it, as did the old.")
    shutil.copy(second, mine / "b.flac")
    shutil.copy(second, mine / "twice.flac")
    shutil.copy(SAMPLES / "arctic_a0209.flac", mine / "wrong.flac")
    (mine / "wrong.txt").write_text("nobody says this here")
    soundfile.write(mine / "silence.wav", np.zeros(32_000), 16_000)
    soundfile.write(mine / "noise.wav", 0.1 * np.random.default_rng(0).standard_normal(32_000), 16_000)
    (mine / "metadata.csv").write_text("b.flac|the various wards were all about 11 feet in height\ngone|lost\n")
    corpus = tmp_path / "corpus"
    found = collect.collect(mine, corpus)
    texts = {u.text for u in load(corpus)}
    assert texts == {"the new jail fell as far short of the demands made on it as did the old", TEXT}
    assert (found.clips, found.written, found.unread) == (2, 0, 1)
    told = {sentence.partition(":")[0] for sentence in found.told}
    assert told == {"gone", "wrong.flac", "silence.wav", "noise.wav"}


def test_rehearsal_is_what_the_model_says():
    """Taught its own speech the model has next to nothing to learn: float16 mels, whose steps are 2^-8 at 4 to 8."""
    model = read_acoustic(VOICE / "acoustic.onnx")
    said = register.rehearsal(model, [TEXT, "it was not a large lake and almost round"], 2)
    assert [item.speaker for item in said] == [0, 1]
    error, _, ratios = validate(model, said, [register.PITCH] * 2)
    assert error < 2**-8
    for speaker, ratio in ratios.items():  # what `stretch` was, but for whole frames in place of eighths
        assert ratio == pytest.approx(model.stretch[speaker].item(), abs=0.02)


def test_realigned(folder, tmp_path):
    """Cuts move by 128 ms at most, and the mel within a token is more even than between the recogniser's cuts."""
    model = read_acoustic(VOICE / "acoustic.onnx")
    train, _ = register.recordings(folder, tmp_path, 2)

    def unevenness() -> float:
        found = []
        for item in train:
            mel = item.mel.astype(np.float32)
            means = np.add.reduceat(mel, item.begins()) / item.durations[:, None]
            found.append(((mel - np.repeat(means, item.durations, 0)) ** 2).mean())
        return float(np.mean(found))

    before = unevenness()
    assert 0.3 < refine(model, train) < 8
    assert unevenness() < 0.9 * before
    for item in train:
        assert np.abs(item.begins() - item.heard).max() <= 8 and item.durations.sum() == item.frames
    assert pitch_statistics(train, 3)[2][0] == pytest.approx(np.log(190), abs=0.25)  # she reads at 186 to 216 Hz


@pytest.mark.parametrize("speakers", [["a", "b"], []])
def test_a_voice_is_of_one_speaker(folder, tmp_path, speakers):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    names = [path.stem for path in sorted((other / "wavs").iterdir())]
    rows = [f"{n}|{TEXT}|{s}|train" for n, s in zip(names, speakers, strict=False)]
    (other / "metadata.csv").write_text("\n".join(rows))
    with pytest.raises(CorpusError, match=f"{len(speakers)} speakers"):
        register.recordings(other, tmp_path, 2)
