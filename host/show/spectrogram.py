"""Power spectrograms of speech, without anything that draws."""

import numpy as np
from scipy.signal import ShortTimeFFT, get_window

WINDOW_S, HOP_S = 0.032, 0.008
RANGE_DB = 70.0  # below the louder one's loudest point

Extent = tuple[float, float, float, float]  # s, s, kHz, kHz


def level_db(samples: np.ndarray, rate: int) -> tuple[np.ndarray, Extent]:
    """Power spectrogram in dB, float [frequencies, frames], and its extent (s, s, kHz, kHz)."""
    window = get_window("hann", round(WINDOW_S * rate))
    transform = ShortTimeFFT(window, round(HOP_S * rate), rate, scale_to="psd")
    padded = np.pad(samples, (0, max(0, len(window) - len(samples))))
    left, right, low, high = transform.extent(len(padded))
    return 10 * np.log10(transform.spectrogram(padded) + 1e-14), (left, right, low / 1000, high / 1000)


def at_one_loudness(
    original: np.ndarray, received: np.ndarray, rate: int
) -> tuple[list[tuple[np.ndarray, Extent]], float]:
    """`level_db` of both, float32 [n] each, scaled to one loudness; and the highest level of the two, dB."""
    pictures = [level_db(samples / max(np.sqrt(np.mean(samples**2)), 1e-9), rate) for samples in (original, received)]
    return pictures, max(float(levels.max()) for levels, _ in pictures)
