"""What is no speech, and is to be read as nothing: silence, noise, hum, clicks, tones."""

import numpy as np

from gr_deepsc.framing import SAMPLE_RATE

LEVEL = (1e-4, 0.3)  # amplitude, drawn evenly in decibels
DTMF = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0)  # Hz, a low and a high one together


def no_speech(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """One of them, or two together: float32 [samples]."""
    samples = int(seconds * SAMPLE_RATE)
    out = np.zeros(samples)
    for _ in range(rng.integers(1, 3)):
        sound = KINDS[rng.integers(len(KINDS))](samples, rng)
        level = np.exp(rng.uniform(*np.log(LEVEL)))
        out += level * sound / max(np.abs(sound).max(initial=0), 1e-9)
    return np.clip(out, -1, 1).astype(np.float32)


def silence(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Zeros."""
    return np.zeros(samples)


def noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Between white and brown, swelling or even."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum /= (np.arange(len(spectrum)) + len(spectrum) / 160) ** rng.uniform(0, 1)
    swell = 1 + rng.uniform(0, 1) * np.sin(2 * np.pi * rng.uniform(0.1, 2) * np.arange(samples) / SAMPLE_RATE)
    return np.fft.irfft(spectrum, samples) * swell


def hum(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Mains and its harmonics."""
    time, mains = np.arange(samples) / SAMPLE_RATE, rng.choice([50.0, 60.0])
    return sum(rng.random() / k * np.sin(2 * np.pi * (k * mains * time + rng.random())) for k in range(1, 12))


def clicks(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Impulses at random."""
    return (rng.random(samples) < rng.uniform(0.5, 20) / SAMPLE_RATE) * rng.standard_normal(samples)


def tones(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Notes of equal length, or digits of a telephone."""
    length = int(rng.uniform(0.06, 0.6) * SAMPLE_RATE)
    time, out, dialled = np.arange(length) / SAMPLE_RATE, np.zeros(samples), rng.random() < 0.5
    fade = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.01 * SAMPLE_RATE))
    for begin in range(0, samples - length, length):
        if dialled:
            pitches = [rng.choice(row) for row in DTMF]
        else:
            pitches = list(220 * 2 ** (rng.integers(0, 25, rng.integers(1, 4)) / 12))
        harmonics = 1 if dialled else rng.integers(1, 6)
        note = sum(np.sin(2 * np.pi * p * h * time) / h for p in pitches for h in range(1, harmonics + 1))
        out[begin : begin + length] = fade * note * (rng.random() < 0.85)
    return out


KINDS = (silence, noise, hum, clicks, tones)
