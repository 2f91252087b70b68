"""Augmentation: speed, room, tone, codec, level and noise on the waveform; SpecAugment on the spectrogram."""

from fractions import Fraction

import numpy as np
import torch
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt
from torch import Tensor

from gr_deepsc.framing import SAMPLE_RATE

# Ko et al., "Audio augmentation for speech recognition", 2015; more of them and wider apart, because pitch and
# formants move along: to the network every speed is another speaker, and there are few in the corpora
SPEEDS = tuple(Fraction(n, 20) for n in range(17, 24))
TONE_PROBABILITY, TONE_DB = 0.5, 6.0  # microphones and rooms: a smooth random frequency response
ROOM_PROBABILITY, ROOM_T60 = 0.25, (0.15, 0.7)  # s
ROOM_DIRECT_DB = (0.0, 15.0)  # direct over reverberant energy
CODEC_PROBABILITY, CODEC_CUTOFF = 0.15, (3000.0, 7000.0)  # Hz
LEVEL_DB = (-15.0, 6.0)
NOISE_PROBABILITY, NOISE_SNR_DB = 0.3, (8.0, 40.0)


def change_speed(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`samples` at one of `SPEEDS`."""
    return at_speed(samples, SPEEDS[rng.integers(len(SPEEDS))])


def at_speed(samples: np.ndarray, speed: Fraction) -> np.ndarray:
    """`samples` at `speed`, tempo and pitch alike: float32 [samples / speed], rounded up."""
    if speed == 1:
        return samples
    return resample_poly(samples, speed.denominator, speed.numerator).astype(np.float32)


def reverberate(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`samples` in a room: direct sound and noise that falls by 60 dB in T60 (Polack's model); length unchanged."""
    t = np.arange(int(0.5 * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / rng.uniform(*ROOM_T60))
    tail[: rng.integers(16, 160)] = 0  # 1 to 10 ms before the first wall answers
    tail *= np.sqrt(10 ** (-rng.uniform(*ROOM_DIRECT_DB) / 10) / np.sum(tail**2))
    return samples + fftconvolve(samples, tail.astype(np.float32))[: len(samples)]


def code(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`samples` as a telephone passes them: band-limited, 8 bits of mu-law; length unchanged."""
    limited = sosfilt(butter(4, rng.uniform(*CODEC_CUTOFF), fs=SAMPLE_RATE, output="sos"), samples)
    peak = np.abs(limited).max(initial=1e-6)
    compressed = np.sign(limited) * np.log1p(255 * np.abs(limited) / peak) / np.log(256)
    steps = np.round(127 * compressed) / 127
    return (np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255 * peak).astype(np.float32)


def degrade(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`samples` at another level; sometimes in a room, of another tone, coded, or with white or pink noise.

    The length is unchanged.
    """
    out = samples * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20))
    if rng.random() < ROOM_PROBABILITY:
        out = reverberate(out, rng)
    if rng.random() < TONE_PROBABILITY and len(out):
        spectrum = np.fft.rfft(out)
        knots = rng.uniform(-TONE_DB, TONE_DB, 6)
        gain_db = np.interp(np.linspace(0, 5, len(spectrum)), np.arange(6), knots)
        out = np.fft.irfft(spectrum * 10 ** (gain_db / 20), len(out)).astype(np.float32)
    if rng.random() < CODEC_PROBABILITY:
        out = code(out, rng)
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
        return x * keep.to(x.device)
