"""AMR-WB as the speech transceiver uses it: the real libraries on real speech."""

from pathlib import Path

import numpy as np
import pytest
from deepsc_bench.coding import amrwb

from gr_deepsc.speech import audio

SAMPLE = Path(__file__).parent / "samples" / "LJ002-0045.flac"
BEST = 6  # 19.85 kbit/s


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return audio.check(*audio.read(SAMPLE))


@pytest.fixture(scope="module")
def bits(speech) -> np.ndarray:
    return amrwb.encode(speech, BEST)


def clean(bits: np.ndarray, samples: int) -> np.ndarray:
    return amrwb.decode(bits, np.zeros(len(bits), bool), samples)


def snr_db(wanted: np.ndarray, got: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(wanted**2.0) / np.sum((wanted - got) ** 2.0)))


def test_frames(speech, bits):
    """397 bits every 20 ms are 19.85 kbit/s; the frames reach over the codec's delay."""
    assert bits.shape == (-(-(len(speech) + 95) // 320), 397)
    assert bits.max() == 1
    assert [b / 20 for b in amrwb.BITS] == [6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85]


@pytest.mark.parametrize(("mode", "least"), [(0, 3.5), (2, 6.5), (6, 9), (8, 9)])
def test_round_trip(speech, mode, least):
    """Waveform SNR grows with the rate, and is what it is only where the delay is undone to the sample."""
    bits = amrwb.encode(speech, mode)
    back = clean(bits, len(speech))
    assert back.dtype == np.float32 and back.shape == speech.shape
    found = {shift: snr_db(speech[100:-100], np.roll(back, shift)[100:-100]) for shift in range(-3, 4)}
    print(f"mode {mode}: {found[0]:.1f} dB; by samples of delay {found}")
    assert max(found, key=found.get) == 0
    assert found[0] > least


def test_spectrum_is_kept(speech, bits):
    """Levels of bands of 500 Hz up to 4.6 kHz within 1 dB, mean over the utterance."""
    power = [
        np.square(np.abs(np.fft.rfft(x[: len(x) // 512 * 512].reshape(-1, 512) * np.hanning(512)))).mean(0)
        for x in (speech, clean(bits, len(speech)))
    ]
    bands = np.array([[np.mean(p[k : k + 16]) for k in range(4, 148, 16)] for p in power])
    difference = 10 * np.log10(bands[1] / bands[0])
    print("bands of 500 Hz, dB:", difference.round(1))
    assert np.abs(difference).max() < 1


def test_lost_frames_are_concealed(speech, bits):
    """bfi: what a lost frame says does not matter; the codec goes on with less and less energy, and recovers."""
    lost = np.zeros(len(bits), bool)
    lost[60:72] = True
    garbled = np.where(lost[:, None], np.random.default_rng(1).integers(0, 2, bits.shape, dtype=np.uint8), bits)
    heard, whole = amrwb.decode(bits, lost, len(speech)), clean(bits, len(speech))
    assert np.array_equal(amrwb.decode(garbled, lost, len(speech)), heard)
    frames, intact = (x[: 160 * 320].reshape(160, 320) for x in (heard, whole))
    energy = (frames**2).mean(1) / (intact**2).mean(1)
    print("energy over that without loss, frames 58..84:", energy[58:84].round(3))
    assert np.array_equal(frames[:58], intact[:58])
    assert energy[62:71].mean() < 0.5 and energy[70] < 0.05
    assert snr_db(intact[84:], frames[84:]) > 10


def test_all_lost_is_near_silence(bits):
    heard = amrwb.decode(bits, np.ones(len(bits), bool), 32_000)
    assert len(heard) == 32_000 and np.abs(heard).max() < 0.01


def test_signalled_loss_is_better_than_wrong_bits(speech, bits):
    """One frame in ten at random: the SNR of concealed frames beats that of frames with random bits."""
    rng = np.random.default_rng(2)
    lost = rng.random(len(bits)) < 0.1
    garbled = np.where(lost[:, None], rng.integers(0, 2, bits.shape, dtype=np.uint8), bits)
    concealed, taken = amrwb.decode(garbled, lost, len(speech)), clean(garbled, len(speech))
    figures = snr_db(speech, concealed), snr_db(speech, taken)
    print(f"{lost.sum()} of {len(lost)} frames: concealed {figures[0]:.1f} dB, taken as they are {figures[1]:.1f} dB")
    assert figures[0] > figures[1] + 1


def test_short_and_loud():
    """One sample comes back as one; what is beyond full scale is clipped, not wrapped."""
    assert clean(amrwb.encode(np.ones(1, np.float32), BEST), 1).shape == (1,)
    tone = 3 * np.sin(2 * np.pi * 300 / 16_000 * np.arange(8_000)).astype(np.float32)
    assert np.array_equal(amrwb.encode(tone, BEST), amrwb.encode(np.clip(tone, -1, 1), BEST))


def test_missing_library():
    with pytest.raises(amrwb.MissingCodecError, match=r"libnone.so.0.*apt-get install libvo-amrwbenc0 libopen"):
        amrwb._load("libnone.so.0")
