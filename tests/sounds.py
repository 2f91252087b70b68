"""Sounds in which nobody speaks: float32 at 16 kHz, of a fixed seed, for those who must not hear words in them."""

import numpy as np

RATE = 16_000


def sounds(seconds: int = 20) -> dict[str, np.ndarray]:
    """By name."""
    rng = np.random.default_rng(16)
    n = seconds * RATE
    t = np.arange(n) / RATE
    white = rng.standard_normal(n)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)).clip(1)), n)
    made = {
        "white noise": 0.1 * white,
        "pink noise": 0.1 * pink / pink.std(),
        "hum": sum(0.2 / k * np.sin(2 * np.pi * 50 * k * t) for k in (1, 2, 3, 5)) + 1e-3 * white,
        "clicks": _clicks(n, rng),
        "dtmf": _dtmf(n, rng),
        "music": _music(n, rng),
        "silence": 1e-4 * white,
    }
    return {name: samples.astype(np.float32).clip(-1, 1) for name, samples in made.items()}


def _clicks(n: int, rng: np.random.Generator) -> np.ndarray:
    """About four a second, at random, each 2 ms of decaying noise."""
    samples, length = 1e-4 * rng.standard_normal(n), RATE // 500
    for start in rng.integers(0, n - length, 4 * n // RATE):
        samples[start : start + length] += 0.8 * rng.standard_normal(length) * np.exp(-np.arange(length) / 8)
    return samples


def _dtmf(n: int, rng: np.random.Generator) -> np.ndarray:
    """Keys of a telephone, 0.15 s each and 0.1 s between them (ITU-T Q.23)."""
    samples, on, off = 1e-4 * rng.standard_normal(n), round(0.15 * RATE), round(0.1 * RATE)
    t = np.arange(on) / RATE
    for start in range(0, n - on, on + off):
        low, high = rng.choice((697, 770, 852, 941)), rng.choice((1209, 1336, 1477))
        samples[start : start + on] += 0.3 * (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t))
    return samples


def _music(n: int, rng: np.random.Generator) -> np.ndarray:
    """Chords of decaying harmonics, two a second, a melody over them, and a drum."""
    samples = np.zeros(n)
    chords = np.array([(0, 4, 7), (-3, 0, 4), (-7, -3, 0), (-5, -1, 2)])  # C, a, F, G in semitones
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    for beat, start in enumerate(range(0, n, RATE // 4)):
        if beat % 2 == 0:
            for tone in chords[beat // 4 % 4]:
                _add(samples, start, 0.06, 261.6 * 2 ** (tone / 12), 1.0)
        _add(samples, start, 0.1, 523.3 * 2 ** (rng.choice(scale) / 12), 0.4)
        length = min(RATE // 10, n - start)
        samples[start : start + length] += 0.1 * rng.standard_normal(length) * np.exp(-np.arange(length) / 300)
    return samples


def _add(samples: np.ndarray, start: int, level: float, hertz: float, seconds: float) -> None:
    length = min(round(2 * seconds * RATE), len(samples) - start)
    t = np.arange(length) / RATE
    tone = sum(np.sin(2 * np.pi * k * hertz * t) * np.exp(-k * t / seconds) / k for k in range(1, 7))
    samples[start : start + length] += level * tone
