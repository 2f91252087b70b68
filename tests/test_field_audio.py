"""Recordings as phones, streams and full disks leave them: read as far as they go, and what is missing is told."""

import os
import subprocess
import sys
from pathlib import Path

import mutated
import numpy as np
import pytest
import soundfile
from deepsc_host.files.recordings import recordings

from gr_deepsc.speech import audio

RATE = 16_000
SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(scope="module")
def speech():
    """3.4 s, float32 at 16 kHz."""
    return soundfile.read(SAMPLES / "LJ002-0045.flac", dtype="float32")[0]


def write(path, samples, format, subtype=None, rate=RATE):
    soundfile.write(path, samples, rate, format=format, subtype=subtype)
    return bytearray(path.read_bytes())


def read(path):
    """Samples, and what was said of them."""
    said = []
    samples, rate = audio.read(path, said.append)
    assert rate == RATE
    return samples, "; ".join(said)


def test_field_gsm_wav_is_decoded(tmp_path, speech):
    """A codec that cannot seek; the 13 kbit/s of GSM 6.10 keep the level of speech within 1 dB."""
    write(tmp_path / "a.wav", speech, "WAV", "GSM610")
    samples, said = read(tmp_path / "a.wav")
    assert len(samples) == pytest.approx(len(speech), abs=640) and not said
    assert 20 * np.log10(np.std(samples) / np.std(speech)) == pytest.approx(0, abs=1)


def test_field_flac_of_unknown_length(tmp_path, speech):
    """As streams have it: total samples 0 in STREAMINFO (RFC 9639, 8.2); whole, and cut."""
    raw = write(tmp_path / "a.flac", speech, "FLAC")
    raw[21] &= 0xF0
    raw[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(raw)
    samples, said = read(tmp_path / "a.flac")
    assert np.array_equal(samples, speech) and not said
    (tmp_path / "a.flac").write_bytes(raw[: len(raw) // 2])
    samples, said = read(tmp_path / "a.flac")
    assert 0.3 < len(samples) / len(speech) < 0.7 and "it was cut" in said


@pytest.mark.parametrize(
    ("riff", "data"), [(0, 0), (36, 0), (None, 0), (2**32 - 1, 2**32 - 1), (0x7FFFF024, 0x7FFFF000), (8, 0), (None, 2)]
)
def test_field_wav_headers_that_tell_too_little_or_nothing(tmp_path, speech, riff, data):
    """Of a program that was stopped, or wrote into a pipe: all of the sound is read."""
    raw = write(tmp_path / "a.wav", speech, "WAV", "PCM_16")
    raw[4:8] = raw[4:8] if riff is None else riff.to_bytes(4, "little")
    raw[40:44] = data.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(raw)
    samples, said = read(tmp_path / "a.wav")
    assert len(samples) == pytest.approx(len(speech), abs=1) and "cut" not in said
    assert np.allclose(samples[:1000], speech[:1000], atol=1 / 32768)


def test_field_a_chunk_behind_the_sound_is_no_sound(tmp_path, speech):
    raw = write(tmp_path / "a.wav", speech, "WAV", "PCM_16")
    (tmp_path / "a.wav").write_bytes(raw + b"LIST" + (1000).to_bytes(4, "little") + bytes(1000))
    samples, said = read(tmp_path / "a.wav")
    assert len(samples) == len(speech) and not said


@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("FLAC", None),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", None),
        ("AIFF", None),
        ("AU", None),
    ],
)
def test_field_what_is_there_of_a_cut_recording_is_read(tmp_path, speech, format, subtype):
    """Half of the bytes is about half of the sound (Ogg: less up to a page, of a second), and that is told."""
    twice = np.tile(speech, 3)
    raw = write(tmp_path / "whole", twice, format, subtype)
    samples, said = read(tmp_path / "whole")
    assert len(samples) == pytest.approx(len(twice), abs=0.1 * RATE) and not said
    (tmp_path / "cut").write_bytes(raw[: len(raw) // 2])
    samples, said = read(tmp_path / "cut")
    assert len(samples) / len(twice) == pytest.approx(0.5, abs=0.15) and "it was cut" in said


def test_field_a_header_that_claims_more_than_is_there(tmp_path, speech):
    """50 s claimed, 3.4 s there: read, and told."""
    raw = write(tmp_path / "a.wav", speech, "WAV", "PCM_16")
    raw[40:44] = (50 * 2 * RATE).to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(raw)
    samples, said = read(tmp_path / "a.wav")
    assert len(samples) == len(speech)
    assert f"{50 - len(speech) / RATE:.1f} s of 50.0 s are missing" in said


@pytest.mark.parametrize("scale", [128, 512, 32768, 2.0**31])
def test_field_floats_on_the_scale_of_integers(tmp_path, speech, scale):
    write(tmp_path / "a.wav", speech * np.float32(scale), "WAV", "FLOAT")
    samples, said = read(tmp_path / "a.wav")
    assert np.abs(samples).max() == pytest.approx(1) and "full scale" in said
    assert np.allclose(samples * np.abs(speech).max(), speech, atol=1e-6)
    assert np.allclose(audio.check(speech * np.float32(scale), RATE), samples, atol=1e-6)


@pytest.mark.parametrize(
    ("bad", "error_type"), [(3e38, "bad_format"), (-3e38, "bad_format"), (np.nan, "not_finite"), (np.inf, "not_finite")]
)
def test_field_samples_that_are_no_sound_are_refused(tmp_path, speech, bad, error_type):
    broken = speech.copy()
    broken[1000] = bad
    write(tmp_path / "a.wav", broken, "WAV", "FLOAT")
    with pytest.raises(audio.AudioError) as caught:
        audio.check(*audio.read(tmp_path / "a.wav"))
    assert caught.value.error_type == error_type


def test_field_channels_in_antiphase_do_not_cancel(tmp_path, speech):
    """Also with the second softer, or with noise of its own; other stereo is averaged, as ever."""
    noise = 0.02 * np.random.default_rng(1).standard_normal(len(speech)).astype(np.float32)
    for second in (-speech, -0.9 * speech, -speech + noise):
        write(tmp_path / "a.wav", np.stack([speech, second], axis=1), "WAV", "FLOAT")
        assert np.array_equal(read(tmp_path / "a.wav")[0], speech)
    for second in (speech, np.zeros_like(speech), 0.5 * speech, noise):
        assert np.allclose(audio.mix(np.stack([speech, second], axis=1)), (speech + second) / 2, atol=1e-6)


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.webm", "libopus")])
def test_field_what_phones_record(tmp_path, speech, name, codec):
    mutated._foreign(tmp_path / name, codec, speech)
    samples, rate = audio.read(tmp_path / name)
    assert rate == 48_000 and len(samples) / rate == pytest.approx(len(speech) / RATE, abs=0.1)
    assert np.std(samples) == pytest.approx(np.std(speech), rel=0.1)


def test_field_without_pyav_the_command_is_named(tmp_path, speech, monkeypatch):
    mutated._foreign(tmp_path / "my voice.m4a", "aac", speech)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(audio.AudioError, match=r"ffmpeg -i '.*my voice.m4a' recording.wav"):
        audio.read(tmp_path / "my voice.m4a")


def test_field_one_file_that_cannot_be_read_stops_no_other(tmp_path, speech):
    write(tmp_path / "good.wav", speech, "WAV")
    (tmp_path / "playlist.m4a").write_text("#EXTM3U\nfile:///etc/passwd\n")  # FFmpeg would follow it
    (tmp_path / "null.wav").write_bytes(bytes(1000))
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen(["sh", "-c", f"cat {tmp_path}/good.wav > {tmp_path}/pipe"])
    names = ["no\0name", "none.wav", "playlist.m4a", "null.wav", "good.wav", "pipe", "."]
    found = [each.error.error_type if each.error else "read" for each in recordings(f"{tmp_path}/{n}" for n in names)]
    writer.wait(10)
    assert found == ["missing", "missing", "corrupt", "corrupt", "read", "read", "missing"]


def test_field_permission_is_named(tmp_path, speech):
    write(tmp_path / "a.wav", speech, "WAV")
    (tmp_path / "a.wav").chmod(0)
    if os.access(tmp_path / "a.wav", os.R_OK):
        pytest.skip("root may read everything")
    with pytest.raises(audio.AudioError, match="Permission denied"):
        audio.read(tmp_path / "a.wav")


def test_field_damaged_files_never_end_a_batch():
    """60 of the 2,000 of `python tests/mutated.py`: read or refused, no traceback, no hang."""
    outcomes, bad, slowest = mutated.run(60, seed=3)
    assert not bad and sum(outcomes.values()) == 60
    assert outcomes["read"] > 20 and slowest < 60
