"""Speech before and after the channel, side by side: Fig. 10 of the paper."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.signal import ShortTimeFFT, get_window

from ..errors import HostError

WINDOW_S, HOP_S = 0.032, 0.008
RANGE_DB = 70.0  # below the louder one's loudest point
SIZE = (11.0, 3.6)  # inches
DPI = 100


def level_db(samples: np.ndarray, rate: int) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Power spectrogram in dB, float [frequencies, frames], and its extent (s, s, kHz, kHz)."""
    window = get_window("hann", round(WINDOW_S * rate))
    transform = ShortTimeFFT(window, round(HOP_S * rate), rate, scale_to="psd")
    padded = np.pad(samples, (0, max(0, len(window) - len(samples))))
    left, right, low, high = transform.extent(len(padded))
    return 10 * np.log10(transform.spectrogram(padded) + 1e-14), (left, right, low / 1000, high / 1000)


def spectrograms(path: Path, original: np.ndarray, received: np.ndarray, rate: int, titles: tuple[str, str]) -> None:
    """Writes a PNG of two spectrograms on one scale of colour.

    Args:
        original, received: float32 [n] at `rate` Hz, scaled here to one loudness.
        titles: of the two.

    Raises:
        HostError: the file cannot be written.
    """
    figure = Figure(SIZE, DPI, layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)  # the same seconds and hertz, too
    pictures = [level_db(samples / max(np.sqrt(np.mean(samples**2)), 1e-9), rate) for samples in (original, received)]
    top = max(levels.max() for levels, _ in pictures)
    for axis, (levels, extent), title in zip(axes, pictures, titles, strict=True):
        image = axis.imshow(
            levels, origin="lower", aspect="auto", extent=extent, vmin=top - RANGE_DB, vmax=top, cmap="magma"
        )
        axis.set_title(title, fontsize=9, wrap=True)
        axis.set_xlabel("time (s)")
    axes[0].set_ylabel("frequency (kHz)")
    axes[0].set_xlim(0, max(extent[1] for _, extent in pictures))
    figure.colorbar(image, ax=axes, label="power density (dB, one loudness)", pad=0.01)
    try:
        figure.savefig(path)
    except OSError as error:
        raise HostError(f"{path} cannot be written: {error.strerror}") from None
