"""Mel spectrograms of voices: known values for known signals, and recordings trimmed and levelled."""

import math

import numpy as np
import pytest
import torch
from deepsc_export.voice import mel

from gr_deepsc.voice.mel import mel_filters

RATE = 16_000


def tone(frequency, seconds=1.0, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(int(RATE * seconds)) / RATE).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 512, 513, 1024, 2559, 2560, 16_000])
def test_frames(samples):
    """One frame a hop and one more, centred on multiples of 256 samples; what is too short counts as 513."""
    shape = mel.log_mel(torch.randn(2, samples)).shape
    assert shape == (2, max(samples, 513) // 256 + 1, 80)


def test_sine_has_the_windows_gain():
    """A sine on bin k gives |X_k| = A sum(w) / 2 = 256 A and half in k +- 1: bands are weighted sums of them."""
    k, amplitude = 64, 0.3  # 1 kHz
    found = np.exp(mel.mel_of(tone(k * RATE / 1024, amplitude=amplitude))[30])
    magnitudes = np.zeros(513)
    magnitudes[k - 1 : k + 2] = 256 * amplitude * np.array([0.5, 1, 0.5])
    theory = mel_filters(1024, 80) @ magnitudes
    assert found.argmax() == theory.argmax()
    assert found[theory > 1e-3] == pytest.approx(theory[theory > 1e-3], rel=2e-3)


def test_level_is_an_offset_and_silence_is_the_floor():
    noise = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    step = mel.log_mel(2 * noise) - mel.log_mel(noise)
    assert step.numpy() == pytest.approx(math.log(2), abs=1e-4)
    assert (mel.log_mel(torch.zeros(1, 8000)) == math.log(1e-5)).all()


def test_prepare_trims_and_levels():
    """0.5 s of noise 60 dB down, 1 s of speech-like tone, 0.7 s of the noise with one click in it."""
    rng = np.random.default_rng(0)
    samples = 1e-4 * rng.standard_normal(int(2.2 * RATE)).astype(np.float32)
    samples[8000:24_000] += tone(300, 1.0, 0.1)
    samples[30_000] = 0.9
    speech = mel.prepare(samples)
    assert len(speech) / RATE == pytest.approx(1.0 + 2 * mel.MARGIN, abs=0.021)  # of two 10 ms frames
    assert np.sqrt(np.mean(speech**2)) == pytest.approx(mel.RMS, rel=1e-4)
    assert speech.dtype == np.float32


def test_prepare_bounds_peaks_and_refuses_silence():
    clicks = tone(200, amplitude=0.02)
    clicks[::4000] = 0.9  # 33 dB above the tone
    assert np.abs(mel.prepare(clicks)).max() == pytest.approx(mel.PEAK, rel=1e-4)
    assert len(mel.prepare(np.zeros(RATE, np.float32))) == 0
    assert len(mel.prepare(np.zeros(0, np.float32))) == 0
