"""What reading and writing share: the error, the files' names, how samples are stored."""

import re
from pathlib import Path

import numpy as np
from sigmf.sigmffile import get_sigmf_filenames

WRITABLE = ("cf32_le", "ci16_le", "ci8")
MAX_RATE = 1e12  # Hz, the specification's limit
NAMESPACE = "deepsc"  # of what our recordings say beside SigMF: docs/recordings.md


class IqFileError(ValueError):
    """A recording that cannot be read or written. `error_type` is a short slug, the message says what to do.

    Types: missing, unreadable, unwritable, bad_metadata, bad_datatype, unsupported, truncated, hash_mismatch,
    no_hash, not_finite, bad_format, bad_rate, bad_channel, closed.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def file_pair(path: str | Path) -> tuple[Path, Path]:
    """Data and metadata file of a recording."""
    names = get_sigmf_filenames(path)
    return Path(names["data_fn"]), Path(names["meta_fn"])


class SampleFormat:
    """A SigMF datatype: complex or real, the kind and bits of its numbers, and their byte order.

    Of 24 bits as well, which wav files have and SigMF has not.
    """

    def __init__(self, datatype: str) -> None:
        match = re.fullmatch(r"([cr])(f32|f64|[iu](?:32|24|16|8))(?:_([lb])e)?", datatype)
        if not match:
            raise IqFileError("bad_datatype", f"{datatype!r} is no SigMF datatype: convert it to cf32_le")
        kind, bits, self._big = match[2][0], int(match[2][1:]), match[3] == "b"
        self.complex = match[1] == "c"
        self.bytes = bits // 8  # of one number
        self.sample_size = (1 + self.complex) * self.bytes  # of one channel
        self.part = np.dtype(f"{'>' if self._big else '<'}{kind}{4 if bits == 24 else self.bytes}")
        self.scale = 1.0 if kind == "f" else 2.0 ** (8 * self.part.itemsize - 1)
        self.offset = self.scale if kind == "u" else 0.0

    def decode(self, raw: bytes) -> np.ndarray:
        """complex64 or float32 [n] of n whole samples; bytes beyond those are left out."""
        raw = raw[: len(raw) // self.sample_size * self.sample_size]
        parts = np.frombuffer(self._widened(raw) if self.bytes == 3 else raw, self.part)
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is taken as that
            values = parts.astype(np.float32)
        if self.scale != 1:
            values = (values - np.float32(self.offset)) / np.float32(self.scale)
        return values.view(np.complex64) if self.complex else values

    def _widened(self, raw: bytes) -> np.ndarray:
        """Numbers of 24 bits as the upper ones of 32."""
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, : 3 if self._big else None][:, -3:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return wide

    def encode(self, samples: np.ndarray) -> tuple[np.ndarray, int]:
        """complex64 [n] -> I and Q in turn, [2 n], and how many samples did not fit full scale."""
        values = samples.view(np.float32)
        if self.scale == 1:
            return values.astype(self.part, copy=False), 0
        with np.errstate(over="ignore"):
            values = np.rint(values * np.float32(self.scale))
        inside = np.clip(values, -self.scale, self.scale - 1)
        clipped = np.count_nonzero((values != inside).reshape(-1, 2).any(axis=1))
        return inside.astype(self.part), int(clipped)
