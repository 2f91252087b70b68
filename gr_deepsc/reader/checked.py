"""`CheckedReader`: speech of any length and its features P -> what is sent of it."""

from pathlib import Path

import numpy as np

from ..framing import HOP, frame_count
from ..session import PROVIDER
from ..speech import segment
from .check import check
from .said import Said, joined
from .whisper import SHIPPED, Reader


class CheckedReader:
    """Whisper's decoder, held against CTC piece by piece."""

    def __init__(self, folder: str | Path = SHIPPED, beam: int = 1, provider: str = PROVIDER):
        """As `Reader`."""
        self._reader = Reader(folder, beam, provider=provider)

    def __call__(self, waveform: np.ndarray, features: np.ndarray) -> Said:
        """Read float32 [samples] at 16 kHz with the features P, float32 [frames, 29].

        Longer than the reader takes at once, it is read in pieces cut at its quietest points.
        """
        pieces = segment.split(waveform, self._reader.longest)
        return joined(self._piece(waveform, features, piece) for piece in pieces)

    def _piece(self, waveform: np.ndarray, features: np.ndarray, piece: slice) -> Said:
        frames = slice(piece.start // HOP, frame_count(piece.stop))
        return check(self._reader(waveform[piece]), features[frames])
