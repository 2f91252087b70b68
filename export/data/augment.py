"""Augmentation: speed, level and additive noise on the waveform; SpecAugment on the spectrogram."""

from fractions import Fraction

import numpy as np
import torch
from scipy.signal import resample_poly
from torch import Tensor

# Ko et al., "Audio augmentation for speech recognition", 2015; more of them and wider apart, because pitch and
# formants move along: to the network every speed is another speaker, and there are few in the corpora
SPEEDS = tuple(Fraction(n, 20) for n in range(17, 24))
TONE_PROBABILITY, TONE_DB = 0.5, 6.0  # microphones and rooms: a smooth random frequency response
LEVEL_DB = (-15.0, 6.0)
NOISE_PROBABILITY, NOISE_SNR_DB = 0.3, (8.0, 40.0)


def change_speed(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`samples` at one of `SPEEDS`, tempo and pitch alike: float32 [samples / speed]."""
    speed = SPEEDS[rng.integers(len(SPEEDS))]
    if speed == 1:
        return samples
    return resample_poly(samples, speed.denominator, speed.numerator).astype(np.float32)


def degrade(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`samples` at another level, sometimes of another tone or with white or pink noise; length unchanged."""
    out = samples * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20))
    if rng.random() < TONE_PROBABILITY and len(out):
        spectrum = np.fft.rfft(out)
        knots = rng.uniform(-TONE_DB, TONE_DB, 6)
        gain_db = np.interp(np.linspace(0, 5, len(spectrum)), np.arange(6), knots)
        out = np.fft.irfft(spectrum * 10 ** (gain_db / 20), len(out)).astype(np.float32)
    if rng.random() < NOISE_PROBABILITY:
        noise = rng.standard_normal(len(out), np.float32)
        if rng.random() < 0.5:
            spectrum = np.fft.rfft(noise)
            spectrum /= np.sqrt(np.arange(len(spectrum)) + len(spectrum) / 160)  # pink above 50 Hz
            noise = np.fft.irfft(spectrum, len(noise)).astype(np.float32)
        snr = 10 ** (rng.uniform(*NOISE_SNR_DB) / 10)
        out = out + noise * np.float32(np.sqrt(np.mean(out**2) / (snr * np.mean(noise**2) + 1e-20)))
    return np.clip(out, -1, 1).astype(np.float32)


class SpecAugment:
    """Masks bands and stretches of a spectrogram (Park et al. 2019): [batch, time, bins] -> the same."""

    def __init__(self, rng: np.random.Generator, bands: int = 2, stretches_per_second: float = 0.3):
        self.rng, self.bands, self.stretches_per_second = rng, bands, stretches_per_second

    def __call__(self, x: Tensor) -> Tensor:
        batch, time, bins = x.shape
        keep = torch.ones(batch, time, bins)
        for row in keep:
            for _ in range(self.bands):
                width = self.rng.integers(bins // 6 + 1)
                start = self.rng.integers(bins - width + 1)
                row[:, start : start + width] = 0
            for _ in range(self.rng.poisson(self.stretches_per_second * time / 100)):
                width = min(int(self.rng.integers(5, 30)), time)
                start = self.rng.integers(time - width + 1)
                row[start : start + width] = 0
        return x * keep
