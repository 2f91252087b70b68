"""Griffin-Lim: a waveform from log-mels without any training, by numpy and scipy alone."""

import math

import numpy as np
from scipy.signal import istft, stft

from .mel import FLOOR, HOP, N_FFT, mel_filters

OVERLAP = N_FFT // HOP
ITERATIONS = 60
MOMENTUM = 0.99
_FRAMES = {"nperseg": N_FFT, "noverlap": N_FFT - HOP, "window": "hann"}
_GAIN = N_FFT / 2  # scipy divides its spectra by the window's sum


def magnitudes(log_mel: np.ndarray, iterations: int = 40) -> np.ndarray:
    """Spectra that have these mels: [frames, 80] -> [513, frames], never negative.

    Non-negative least squares by multiplicative updates (Lee and Seung 2001) of each bin, from the mean of its bands.
    """
    filters = mel_filters().astype(np.float64)
    mel = np.exp(log_mel.T.astype(np.float64))
    found = filters.T @ (mel / filters.sum(1, keepdims=True)) / np.maximum(filters.sum(0), 1e-9)[:, None]
    wanted = filters.T @ mel
    for _ in range(iterations):
        found *= wanted / np.maximum(filters.T @ (filters @ found), 1e-12)
    return found


def griffin_lim(log_mel: np.ndarray, iterations: int = ITERATIONS, seed: int = 0) -> np.ndarray:
    """Log-mels float32 [frames, 80] as vocoders take them -> waveform float32 [256 (frames - 1)] at 16 kHz.

    The fast variant with momentum: Perraudin, Balazs and Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013.
    """
    frames = len(log_mel)
    if frames < 2:
        return np.zeros(0, np.float32)
    wanted = magnitudes(log_mel)
    wanted = np.pad(wanted, ((0, 0), (0, max(0, OVERLAP + 1 - frames))))  # at least one whole window
    wanted[wanted < FLOOR] = 0
    rng = np.random.default_rng(seed)
    spectra = wanted * np.exp(2j * math.pi * rng.random(wanted.shape))
    previous = np.zeros_like(spectra)
    for _ in range(iterations):
        consistent = _analyse(_synthesise(spectra), wanted.shape[1])
        moved = consistent + MOMENTUM * (consistent - previous)
        previous = consistent
        spectra = wanted * moved / np.maximum(np.abs(moved), 1e-12)
    return _synthesise(spectra)[: HOP * (frames - 1)].astype(np.float32)


def _analyse(waveform: np.ndarray, frames: int) -> np.ndarray:
    """Spectra centred at multiples of 256 samples, but with zeros beyond the ends."""
    return stft(waveform, boundary="zeros", padded=False, **_FRAMES)[2][:, :frames] * _GAIN


def _synthesise(spectra: np.ndarray) -> np.ndarray:
    return istft(spectra / _GAIN, boundary=True, **_FRAMES)[1]
