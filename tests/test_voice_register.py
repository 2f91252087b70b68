"""A voice for another user: from a folder of recordings to a folder of voices that `Synthesizer` speaks with."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from deepsc_export.data.corpora import CorpusError
from deepsc_export.voice import register
from deepsc_export.voice.acoustic.export import read_acoustic
from deepsc_export.voice.acoustic.realign import refine
from deepsc_export.voice.acoustic.teach import validate
from deepsc_export.voice.spoken import pitch_statistics

from gr_deepsc.voice.files import VOICE
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


def test_registered(folder, tmp_path):
    """The new user is listed and speaks; a step or two later the others still say what they said."""
    out = tmp_path / "voices"
    for _ in range(2):  # the second finds the run of the first
        assert register.register(folder, "me", "private", 0.02, out=out, cache=tmp_path) == 2
    before, after = Synthesizer(), Synthesizer(out)
    assert after.users == before.users | {2: ("me", "private")}
    said = after(TEXT, 2)
    assert np.isfinite(said).all() and 2 < len(said) / 16_000 < 6
    for user in before.users:
        assert len(after(TEXT, user)) / len(before(TEXT, user)) == pytest.approx(1, abs=0.05)
    shutil.rmtree(out / "run-2")  # what the training left
    assert register.known_users(out / "acoustic.onnx")[2] == ("me", "private")
    with pytest.raises(ValueError, match="taken"):
        register.register(folder, "kathleen", "private", 0.02, out=out, cache=tmp_path)


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
