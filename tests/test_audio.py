"""gr_deepsc.speech.audio: any recording becomes 16 kHz mono, or is refused with a type."""

import numpy as np
import pytest
import soundfile

from gr_deepsc.speech import audio


def tone(rate: int, seconds: float = 1.0, hertz: float = 1000.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000])
def test_resampling_keeps_length_pitch_and_level(rate):
    samples = audio.check(tone(rate), rate)
    assert samples.dtype == np.float32
    assert samples.shape == (16000,)
    middle = samples[4000:12000] * np.hanning(8000)
    spectrum = np.abs(np.fft.rfft(middle))
    assert spectrum.argmax() * 16000 / 8000 == 1000  # Hz
    # 0.5 sin has rms 0.5 / sqrt(2) = 0.3536
    assert np.sqrt(np.mean(samples[4000:12000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def test_resampling_does_not_alias():
    """A 12 kHz tone lies above the 8 kHz that 16 kHz audio can hold: at least 50 dB of it must go."""
    loud, aliased = tone(48000, hertz=12000), audio.check(tone(48000, hertz=12000) + tone(48000), 48000)
    clean = audio.check(tone(48000), 48000)
    assert 20 * np.log10(np.std((aliased - clean)[500:-500]) / np.std(loud)) < -50


def test_16_khz_passes_untouched():
    samples = tone(16000)
    assert np.array_equal(audio.check(samples, 16000), samples)


def test_stereo_is_averaged_and_integers_scaled():
    left = (tone(16000) * 32768).astype(np.int16)
    stereo = np.stack([left, np.zeros_like(left)], axis=1)
    assert np.allclose(audio.check(stereo, 16000), tone(16000) / 2, atol=2 / 32768)


@pytest.mark.parametrize(
    ("samples", "rate", "error_type"),
    [
        (np.zeros(0, np.float32), 16000, "empty"),
        (tone(16000, 0.09), 16000, "empty"),
        (np.zeros(16000, np.float32), 16000, "silent"),
        (tone(16000) * 1.9e-3, 16000, "silent"),  # peak 0.95e-3, -60.4 dBFS
        (np.full(16000, np.nan, np.float32), 16000, "not_finite"),
        (np.append(tone(16000), np.inf), 16000, "not_finite"),
        (tone(16000).astype(np.float64) * 1e300, 16000, "not_finite"),  # finite, but not as float32
        (tone(8000, 60.01), 8000, "too_long"),
        (tone(16000), 7999, "bad_rate"),
        (tone(16000), 192001, "bad_rate"),
        (tone(16000), float("nan"), "bad_rate"),
        (tone(16000), -16000, "bad_rate"),
        (tone(16000).astype(complex), 16000, "bad_format"),
        (np.zeros((16000, 2, 2)), 16000, "bad_format"),
        (np.zeros((16000, 0)), 16000, "bad_format"),
    ],
)
def test_refusals(samples, rate, error_type):
    with pytest.raises(audio.AudioError) as caught:
        audio.check(samples, rate)
    assert caught.value.error_type == error_type
    assert "\n" not in str(caught.value)


def test_the_limits_themselves_are_accepted():
    assert len(audio.check(tone(8000, 60), 8000)) == 60 * 16000
    assert len(audio.check(tone(16000, 0.1), 16000)) == 1600
    assert len(audio.check(tone(16000) * 2.1e-3, 16000)) == 16000  # peak 1.05e-3, -59.6 dBFS


@pytest.mark.parametrize(("suffix", "rate"), [("wav", 22050), ("flac", 44100), ("opus", 48000), ("ogg", 16000)])
def test_read_any_container(tmp_path, suffix, rate):
    path = tmp_path / f"tone.{suffix}"
    format = {"opus": ("OGG", "OPUS"), "ogg": ("OGG", "VORBIS")}.get(suffix, (suffix.upper(), None))
    soundfile.write(path, np.stack([tone(rate)] * 2, axis=1), rate, format=format[0], subtype=format[1])
    samples, got = audio.read(path)
    assert (samples.dtype, samples.ndim, got) == (np.float32, 1, rate)
    assert len(audio.check(samples, got)) == pytest.approx(16000, abs=200)
    assert np.std(samples) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_read_refuses_what_is_no_recording(tmp_path):
    cases = {"absent.wav": None, "empty.wav": b"", "text.flac": b"no audio at all\n" * 99, "cut.flac": None}
    for name, content in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    soundfile.write(tmp_path / "cut.flac", np.random.default_rng(1).uniform(-1, 1, 16000), 16000)
    (tmp_path / "cut.flac").write_bytes((tmp_path / "cut.flac").read_bytes()[:1000])  # not one whole frame
    expected = {"absent.wav": "missing", "empty.wav": "empty", "text.flac": "corrupt", "cut.flac": "corrupt"}
    for name, error_type in expected.items():
        with pytest.raises(audio.AudioError) as caught:
            audio.read(tmp_path / name)
        assert caught.value.error_type == error_type, name
        assert name in str(caught.value)
    with pytest.raises(audio.AudioError, match="folder"):
        audio.read(tmp_path)


def test_read_refuses_what_is_over_ten_minutes(tmp_path):
    """Before it is decoded: what the header promises is enough."""
    soundfile.write(tmp_path / "long.flac", np.zeros(8000 * 601, np.int16), 8000)
    with pytest.raises(audio.AudioError, match="cut it into shorter files") as caught:
        audio.read(tmp_path / "long.flac")
    assert caught.value.error_type == "too_long"


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 192000])
def test_long_recordings_are_resampled_while_they_are_read(tmp_path, rate):
    """Block by block, and the same samples as in one piece, to float32's 6e-8 of full scale."""
    samples = (0.3 * np.random.default_rng(1).standard_normal(29 * rate)).clip(-1, 1).astype(np.float32)
    soundfile.write(tmp_path / "29.wav", np.stack([samples, samples], axis=1), rate, subtype="FLOAT")
    got, got_rate = audio.read(tmp_path / "29.wav")
    assert (got_rate, len(got)) == (16000, 29 * 16000)
    assert np.allclose(got, audio.check(samples, rate), rtol=0, atol=1e-6)


def test_a_recording_of_one_utterance_is_untouched(tmp_path):
    """28 s at the file's own rate, sample by sample; a longer one of a rate that nobody takes is refused."""
    samples = tone(48000, 28)
    soundfile.write(tmp_path / "28.wav", samples, 48000, subtype="FLOAT")
    got, rate = audio.read(tmp_path / "28.wav")
    assert rate == 48000 and np.array_equal(got, samples)
    soundfile.write(tmp_path / "slow.wav", tone(4000, 29), 4000)
    with pytest.raises(audio.AudioError) as caught:
        audio.read(tmp_path / "slow.wav")
    assert caught.value.error_type == "bad_rate"
