"""gr_deepsc.speech.recording: files of any length become utterances, and no word is lost or said twice."""

import itertools

import numpy as np
import pytest
import soundfile

from gr_deepsc.framing import HOP
from gr_deepsc.speech import audio, recording
from gr_deepsc.speech.audio import AudioError

RATE = 16_000
MOST = 28 * RATE


def noise(seconds: float, dbfs: float, seed: int = 0) -> np.ndarray:
    """White noise at an RMS level in dBFS."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (samples * 10 ** (dbfs / 20)).astype(np.float32)


def speech(*parts: tuple[float, float]) -> np.ndarray:
    """Bursts of so many seconds at -20 dBFS, with so many seconds of pause behind each, in noise at -60 dBFS."""
    return np.concatenate([each for sound, pause in parts for each in (noise(sound, -20.0), noise(pause, -60.0))])


def seconds(pieces: list[slice]) -> list[tuple[float, float]]:
    return [(piece.start / RATE, piece.stop / RATE) for piece in pieces]


def test_what_fits_is_one_utterance():
    """28 s are untouched, silence and all; at whatever rate."""
    for rate in (RATE, 44_100):
        samples = np.zeros(28 * rate, np.float32)
        assert recording.utterances(samples, rate) == [slice(0, 28 * rate)]


def test_cut_in_the_longest_pause_of_the_second_half():
    """Sentences of 4 s, pauses of 0.3 s, one of 0.8 s at 21.3 s: cut in its middle, and nothing left out."""
    parts = [(4.0, 0.3)] * 10
    parts[4] = (4.0, 0.8)
    samples = speech(*parts)
    first, *others = recording.utterances(samples, RATE)
    assert first.stop / RATE == pytest.approx(5 * 4.0 + 4 * 0.3 + 0.4, abs=0.06)
    pieces = [first, *others]
    assert pieces[0].start == 0 and all(a.stop == b.start for a, b in itertools.pairwise(pieces))
    assert all(piece.stop - piece.start <= MOST and piece.start % HOP == 0 for piece in pieces)


def test_other_limits(tmp_path):
    """Pieces of at most 12 s, cut in pauses, as voices are learnt from; a file that lasts longer than was allowed."""
    samples = speech(*[(4.0, 0.4)] * 10)
    pieces = recording.utterances(samples, RATE, longest_s=12.0)
    assert all(piece.stop - piece.start <= 12 * RATE for piece in pieces) and pieces[-1].stop >= 43 * RATE
    for piece in pieces[:-1]:  # the cut is in a pause's middle: 0.2 s from speech on both sides
        assert np.abs(samples[piece.stop - 2000 : piece.stop + 2000]).max() < 0.01
    soundfile.write(tmp_path / "long.wav", samples, RATE)
    assert len(audio.read(tmp_path / "long.wav", most_s=44.0)[0]) == len(samples)
    with pytest.raises(AudioError, match="more than 43 s"):
        audio.read(tmp_path / "long.wav", most_s=43.0)


def test_silence_is_not_sent():
    """5 s, 10 s of nothing, 18 s: two utterances, with 0.8 s before each and 0.32 s behind; so at both ends."""
    samples = np.concatenate([noise(6.0, -60.0, seed=4), speech((5.0, 10.0), (18.0, 7.0))])
    found = seconds(recording.utterances(samples, RATE))
    assert np.array(found) == pytest.approx(np.array([[5.2, 11.32], [20.2, 39.32]]), abs=0.05)


@pytest.mark.parametrize("gain_db", [0.0, -40.0])
def test_softness_is_not_silence(gain_db):
    """Speech at -60 dBFS over noise at -100: the same utterances as 40 dB louder. A loud bang hides nothing."""
    samples = speech((5.0, 10.0), (18.0, 7.0))
    quiet = samples * np.float32(10 ** (gain_db / 20))
    assert recording.utterances(quiet, RATE) == recording.utterances(samples, RATE)
    quiet[:320] = 1.0
    assert seconds(recording.utterances(quiet, RATE))[1:] == seconds(recording.utterances(samples, RATE))[1:]


def test_speech_in_loud_noise_is_kept():
    """Words 5 dB stronger than the noise make it 6.2 dB louder; its quietest frame is softer than its mean."""
    samples = noise(38.0, -30.0, seed=1)
    for start in range(0, 38, 2):
        samples[start * RATE : round((start + 1.3) * RATE)] += noise(1.3, -25.0, seed=start)
    pieces = recording.utterances(samples, RATE)
    assert (len(pieces), pieces[0].start, pieces[0].stop) == (2, 0, pieces[1].start)
    assert pieces[1].stop / RATE == pytest.approx(37.3 + 0.32, abs=0.05)


def test_steady_noise_is_left_to_the_reader():
    """Nothing rises above it: perhaps it hides speech, so all of it is sent, in pieces that can be read."""
    pieces = recording.utterances(noise(100.0, -30.0), RATE)
    assert pieces[0].start == 0 and pieces[-1].stop == 100 * RATE
    assert all(7 * RATE <= piece.stop - piece.start <= MOST for piece in pieces)
    assert all(a.stop == b.start for a, b in itertools.pairwise(pieces))


def test_a_click_is_no_utterance():
    """One frame of 20 ms in a minute of silence, beside 3 s of speech: only the speech is sent."""
    samples = np.concatenate([noise(20.0, -60.0), speech((3.0, 20.0))])
    samples[RATE : RATE + 320] = 0.9
    assert seconds(recording.utterances(samples, RATE)) == [pytest.approx((19.2, 23.32), abs=0.05)]


def test_files(tmp_path):
    """As many utterances as pauses make, at 16 kHz whatever the file's rate; what cannot be sent is refused whole."""
    samples = speech((5.0, 10.0), (18.0, 7.0))
    soundfile.write(tmp_path / "two.flac", np.repeat(samples, 2), 2 * RATE)
    pieces, rate = recording.read(tmp_path / "two.flac")
    assert rate == RATE
    assert [len(piece) / RATE for piece in pieces] == pytest.approx([5.32, 19.12], abs=0.05)
    soundfile.write(tmp_path / "short.flac", samples[: 20 * RATE], RATE)
    assert [len(piece) for piece in recording.read(tmp_path / "short.flac")[0]] == [20 * RATE]
    for name, wrong, error_type in (
        ("silent.wav", 0 * samples, "silent"),
        ("nan.wav", np.append(samples, np.float32(np.nan)), "not_finite"),
        ("long.wav", np.zeros(601 * RATE, np.float32), "too_long"),
    ):
        soundfile.write(tmp_path / name, wrong, RATE, subtype="FLOAT")
        with pytest.raises(AudioError) as caught:
            recording.read(tmp_path / name)
        assert caught.value.error_type == error_type
