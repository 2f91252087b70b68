"""Wav files of 16 bits and one channel, written as they come. libsndfile does not say that a disk is full."""

import struct
from pathlib import Path

import numpy as np

from gr_deepsc.files import Beside, FileError

LARGEST = 2**32 - 1  # bytes that its header can tell of


class WavFile:
    """Takes samples and is a whole wav at the end of its `with`.

    Raises:
        OSError: it cannot be written.
        FileError: it would be longer than a wav can be.
    """

    def __init__(self, path: str | Path, sample_rate: int) -> None:
        """`sample_rate`: Hz."""
        self._path, self._rate, self._bytes = path, sample_rate, 0
        self.clipped = 0
        self._file = open(path, "wb")  # noqa: SIM115
        self._head()

    def write(self, samples: np.ndarray) -> None:
        """Real [n], full scale 1.0; what is above it is clipped, and counted."""
        inside = np.clip(samples, -1, 1)
        self.clipped += int(np.count_nonzero(inside != samples))
        self._bytes += 2 * len(samples)
        if self._bytes + 36 > LARGEST:
            raise FileError(f"{self._path} would have over 4 GB, more than a wav can: make several")
        self._file.write(np.rint(inside * 32767).astype("<i2").tobytes())

    def _head(self) -> None:
        form = (b"fmt ", 16, 1, 1, self._rate, 2 * self._rate, 2, 16)  # PCM, one channel
        self._file.write(struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + self._bytes, b"WAVE", *form))
        self._file.write(struct.pack("<4sI", b"data", self._bytes))

    def __enter__(self) -> "WavFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._head()


def write(path: str | Path, samples: np.ndarray, sample_rate: int) -> None:
    """Real [n], full scale 1.0, at `sample_rate` Hz as 16-bit wav.

    Raises:
        FileError: the file cannot be written.
    """
    with Beside(path) as beside, WavFile(beside.path, sample_rate) as wav:
        wav.write(samples)
