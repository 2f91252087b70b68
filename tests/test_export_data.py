"""Corpora, text normalisation, augmentation and batches."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from deepsc_export.data import augment
from deepsc_export.data.ahead import cores_for, made, streamed
from deepsc_export.data.audio import Speech, decode
from deepsc_export.data.augment import SpecAugment, change_speed, degrade
from deepsc_export.data.batches import collate, grouped
from deepsc_export.data.corpora import CorpusError, load
from deepsc_export.data.texts import sentences
from deepsc_export.recogniser.pieces import pieces


def lj_folder(folder: Path, rows: list[str], suffix: str = "wav") -> Path:
    (folder / "wavs").mkdir(parents=True)
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)
    for row in rows:
        soundfile.write(folder / "wavs" / f"{row.split('|')[0]}.{suffix}", tone, 22_050)
    return folder


def test_ljspeech_as_downloaded(tmp_path):
    """id|raw|normalised with 22.05 kHz wav files, split by the file's number."""
    rows = ["LJ001-0001|Printing, 1st|Printing, first", "LJ001-0170|b|", "LJ002-0100|c|c", "LJ002-0101|d|d"]
    utterances = load(lj_folder(tmp_path / "LJSpeech-1.1", rows))
    assert [u.split for u in utterances] == ["train", "valid", "test", "train"]
    assert [u.text for u in utterances] == ["printing first", "b", "c", "d"]
    assert utterances[0].key == "LJSpeech-1.1/LJ001-0001"
    assert len(decode(utterances[0].path)) == 16_000


def test_four_columns(tmp_path):
    rows = ["a1|HELLO|s1|train", "a2|WORLD|s2|test", "a3|X|ls1867|train", "arctic_a0007_1|y|kathleen|train"]
    utterances = load(lj_folder(tmp_path / "corpus", rows, "flac"))
    assert [u.split for u in utterances] == ["train", "test", "valid", "valid"]
    assert utterances[1].speaker == "s2"


@pytest.mark.parametrize(
    "row, complaint",
    [
        ("a|b", r"metadata.csv, line 2: 2 fields"),
        ("a|text|speaker|dev", r"metadata.csv, line 2: split 'dev'"),
        ("missing|text|speaker|train", r"metadata.csv, line 2: no recording missing"),
        ("a|...|speaker|train", r"metadata.csv, line 2: the text of a is empty"),
    ],
)
def test_bad_row_names_file_and_line(tmp_path, row, complaint):
    folder = lj_folder(tmp_path / "corpus", ["a|good|s|train"])
    with (folder / "metadata.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(CorpusError, match=complaint):
        load(folder)


def test_no_corpus_and_no_audio(tmp_path):
    with pytest.raises(CorpusError, match=r"a folder with metadata\.csv and wavs/"):
        load(tmp_path)
    (tmp_path / "broken.wav").write_bytes(b"RIFFnonsense")
    with pytest.raises(CorpusError, match="cannot be decoded"):
        decode(tmp_path / "broken.wav")


@pytest.fixture
def speech(tmp_path):
    rows = [f"u{i}|{'ab' * (i + 1)}|s|train" for i in range(5)]
    folder = lj_folder(tmp_path / "corpus", rows)
    for i in range(5):
        soundfile.write(folder / "wavs" / f"u{i}.wav", np.full(1_600 * (i + 1), 0.25), 16_000)
    return Speech(load(folder), tmp_path / "cache")


def test_speech_cache(speech, tmp_path):
    """int16 in one file, read back without decoding: within half a quantisation step of 2^-15."""
    assert speech.lengths.tolist() == [1_600, 3_200, 4_800, 6_400, 8_000]
    assert np.abs(speech[3] - 0.25).max() <= 2**-16 and speech[3].dtype == np.float32
    again = Speech(speech.utterances, tmp_path / "cache")
    assert np.array_equal(again[4], speech[4]) and again.seconds == 1.5


def test_batches(speech):
    """Every utterance once, no batch longer than asked with its padding, rows padded with zeros."""
    groups = grouped(speech.lengths, 1.0, np.random.default_rng(0))
    assert sorted(i for group in groups for i in group) == list(range(5))
    assert all(len(group) == 1 or len(group) * speech.lengths[group].max() <= 16_000 for group in groups)
    batch = collate(speech, [0, 4])
    assert batch.waveform.shape == (2, 8_000) and not batch.waveform[0, 1_600:].any()
    assert batch.token_counts.tolist() == [2, 10] and batch.tokens[:2].tolist() == [1, 2]


def test_speed():
    """Speeds 0.85 to 1.15 change the length by 1/speed and a tone's frequency by speed."""
    rng, tone = np.random.default_rng(1), np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    seen = set()
    for _ in range(60):
        changed = change_speed(tone, rng)
        peak = np.abs(np.fft.rfft(changed)).argmax() * 16_000 / len(changed)
        speed = round(16_000 / len(changed), 2)
        assert peak == pytest.approx(1000 * speed, abs=2)
        seen.add(speed)
    assert seen == {0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15}


def test_noise_snr(monkeypatch):
    """Added noise lies between the stated signal-to-noise ratios: 8 to 40 dB."""
    for other in ("TONE", "ROOM", "CODEC"):
        monkeypatch.setattr(augment, f"{other}_PROBABILITY", 0.0)
    rng, tone = np.random.default_rng(2), 0.3 * np.sin(np.arange(32_000, dtype=np.float32))
    ratios = []
    for _ in range(200):
        out = degrade(tone, rng).astype(float)  # or BLAS's float32 rounding of the gain counts as noise
        gain = np.vdot(tone, out) / np.vdot(tone, tone.astype(float))
        noise = np.mean((out - gain * tone) ** 2)
        if noise > 1e-12 and np.abs(out).max() < 1:
            ratios.append(10 * np.log10(np.mean((gain * tone) ** 2) / noise))
    assert 30 < len(ratios) < 100 and min(ratios) > 7.5 and max(ratios) < 40.5


def test_tone(monkeypatch):
    """Another frequency response, within 6 dB either way of the level's own range, the same length."""
    for other in ("NOISE", "ROOM", "CODEC"):
        monkeypatch.setattr(augment, f"{other}_PROBABILITY", 0.0)
    monkeypatch.setattr(augment, "LEVEL_DB", (0.0, 0.0))
    rng = np.random.default_rng(5)
    white = 0.05 * rng.standard_normal(16_001).astype(np.float32)
    changes = []
    for _ in range(40):
        out = degrade(white, rng)
        assert len(out) == len(white) and out.dtype == np.float32
        gain = np.abs(np.fft.rfft(out)) / np.abs(np.fft.rfft(white))
        gain_db = 20 * np.log10(gain[100:-100])
        assert np.abs(gain_db).max() < augment.TONE_DB + 0.5
        changes.append(np.ptp(gain_db))
    assert 10 < np.sum(np.array(changes) > 1) < 30  # half of them


def test_room():
    """The tail behind the direct sound falls by 60 dB in T60, has the energy that is drawn, and adds no length."""
    rng, click = np.random.default_rng(6), np.zeros(16_000, np.float32)
    click[0] = 1
    direct_db, t60 = [], []
    for _ in range(60):
        out = augment.reverberate(click, rng)
        assert len(out) == len(click) and out[0] == pytest.approx(1, abs=1e-3)
        tail = out[160:8000].astype(np.float64)
        direct_db.append(-10 * np.log10(np.sum(out[1:] ** 2)))
        level = 10 * np.log10(np.mean(tail[:3840].reshape(-1, 240) ** 2, 1))  # each 15 ms of 0.24 s
        t60.append(-60 / np.polyfit(0.015 * np.arange(16), level, 1)[0])
    low, high = augment.ROOM_DIRECT_DB
    assert low - 0.2 < min(direct_db) and max(direct_db) < high + 0.2
    low, high = augment.ROOM_T60
    # a slope through 16 levels of chi-squared noise, 0.4 dB each, over 0.24 s
    assert (
        low * 0.8 < np.min(t60)
        and np.max(t60) < high * 1.4
        and np.median(t60) == pytest.approx((low + high) / 2, abs=0.1)
    )


def test_telephone():
    """Nothing above 7 kHz but what 8 bits of mu-law round: noise 38 dB below the signal, about (ITU-T G.711)."""
    rng = np.random.default_rng(7)
    t = np.arange(32_000) / 16_000
    tone = (0.4 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    for _ in range(10):
        out = augment.code(tone, rng)[4000:]
        basis = np.exp(-2j * np.pi * 440 * t[4000:])
        part = 2 * np.abs(np.mean(out * basis))
        noise = np.mean(out**2) - part**2 / 2
        assert part == pytest.approx(0.4, rel=0.02) and out.dtype == np.float32
        assert 34 < 10 * np.log10(part**2 / 2 / noise) < 42
    high = (0.4 * np.sin(2 * np.pi * 7900 * t)).astype(np.float32)
    assert np.std(augment.code(high, rng)[4000:]) < 0.4 * np.std(high)


def test_spec_augment():
    """Masks are zeros over whole stretches and bands, well under half of the spectrogram."""
    masked = SpecAugment(np.random.default_rng(3))(torch.ones(8, 500, 80))
    share = 1 - masked.mean().item()
    assert 0.05 < share < 0.4


def test_sentences(tmp_path):
    (tmp_path / "x.csv").write_text(
        "LJ1|In 1885.|In eighteen eighty-five it was so.\nLJ002-0004|Held out.|It is held out of this.\n"
    )
    (tmp_path / "y.trans.txt").write_text("1272-1-0000 MISTER QUILTER IS THE APOSTLE\n")
    (tmp_path / "z.txt").write_text("It is a truth\nuniversally acknowledged. No! Never again, said the man.")
    found = [text for name in ("x.csv", "y.trans.txt", "z.txt") for text in sentences(tmp_path / name)]
    assert found == [
        "in eighteen eighty five it was so",
        "mister quilter is the apostle",
        "it is a truth universally acknowledged",
        "never again said the man",
    ]


def test_pieces_are_cut_at_gaps():
    """As long as the gaps allow, no frame and no word lost; whole where the gaps are not known."""
    text = "one two three four"
    found = pieces(7, text, np.array([10.0, 21.0, 30.0]), 40, 22)
    assert [(p.begin, p.end, p.text) for p in found] == [(0, 21, "one two"), (21, 40, "three four")]
    found = pieces(7, text, np.array([30.0, 33.0, 36.0]), 60, 20)  # the first word is longer than a piece
    assert [(p.begin, p.end, p.text) for p in found] == [(0, 30, "one"), (30, 36, "two three"), (36, 60, "four")]
    (whole,) = pieces(7, text, np.full(3, np.nan), 40, 22)
    assert (whole.begin, whole.end, whole.text) == (0, 40, text)


@pytest.mark.parametrize("processes", [0, 2])
def test_batches_made_ahead(processes):
    """Every job once and in order, whoever does it; of streams each process has its own."""
    assert list(made(lambda x: np.full(x, x), [3, 1, 2], processes))[2].tolist() == [2, 2]
    found = list(made(lambda x: x * x, range(20), processes))
    assert found == [x * x for x in range(20)]
    drawn = streamed(lambda number: iter((number, i) for i in range(3)), processes)
    assert sorted(drawn) == [(n, i) for n in range(max(processes, 1)) for i in range(3)]


def test_processes_are_started_for_many_jobs_only():
    assert cores_for(range(99)) == 0 and 1 <= cores_for(range(200)) <= 2
