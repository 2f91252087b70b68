"""Speech before and after the channel, side by side: Fig. 10 of the paper."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from .spectrogram import RANGE_DB, at_one_loudness

SIZE = (11.0, 3.6)  # inches
DPI = 100


def spectrograms(path: Path, original: np.ndarray, received: np.ndarray, rate: int, titles: tuple[str, str]) -> None:
    """Writes a PNG of two spectrograms on one scale of colour.

    Args:
        original, received: float32 [n] at `rate` Hz, scaled here to one loudness.
        titles: of the two.

    Raises:
        OSError: the file cannot be written.
    """
    figure = Figure(SIZE, DPI, layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)  # the same seconds and hertz, too
    pictures, top = at_one_loudness(original, received, rate)
    for axis, (levels, extent), title in zip(axes, pictures, titles, strict=True):
        image = axis.imshow(
            levels, origin="lower", aspect="auto", extent=extent, vmin=top - RANGE_DB, vmax=top, cmap="magma"
        )
        axis.set_title(title, fontsize=9, wrap=True)
        axis.set_xlabel("time (s)")
    axes[0].set_ylabel("frequency (kHz)")
    axes[0].set_xlim(0, max(extent[1] for _, extent in pictures))
    figure.colorbar(image, ax=axes, label="power density (dB, one loudness)", pad=0.01)
    figure.savefig(path)
