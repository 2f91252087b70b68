"""What reading and writing share: the error, the files' names, how samples are stored."""

import re
from pathlib import Path

import numpy as np
from sigmf.sigmffile import get_sigmf_filenames

WRITABLE = ("cf32_le", "ci16_le", "ci8")
MAX_RATE = 1e12  # Hz, the specification's limit


class IqFileError(ValueError):
    """A recording that cannot be read or written. `error_type` is a short slug, the message says what to do.

    Types: missing, unreadable, unwritable, bad_metadata, bad_datatype, unsupported, truncated, hash_mismatch,
    no_hash, not_finite, bad_format, bad_rate, closed.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def file_pair(path: str | Path) -> tuple[Path, Path]:
    """Data and metadata file of a recording."""
    names = get_sigmf_filenames(path)
    return Path(names["data_fn"]), Path(names["meta_fn"])


class SampleFormat:
    """A complex SigMF datatype: c, the kind and bits of I and Q, and their byte order."""

    def __init__(self, datatype: str) -> None:
        match = re.fullmatch(r"c(f32|f64|[iu](?:32|16|8))(?:_([lb])e)?", datatype)
        if not match:
            problem = "is real-valued; IQ is needed" if datatype.startswith("r") else "is no SigMF datatype"
            raise IqFileError("bad_datatype", f"{datatype!r} {problem}: convert it to cf32_le")
        kind, bits, order = match[1][0], int(match[1][1:]), match[2]
        self.part = np.dtype(f"{'>' if order == 'b' else '<'}{kind}{bits // 8}")
        self.sample_size = 2 * self.part.itemsize
        self.scale = 1.0 if kind == "f" else 2.0 ** (8 * self.part.itemsize - 1)
        self.offset = self.scale if kind == "u" else 0.0

    def decode(self, raw: bytes) -> np.ndarray:
        """complex64 [n] of n whole samples; bytes beyond those are left out."""
        parts = np.frombuffer(raw, self.part, count=len(raw) // self.sample_size * 2)
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused as that
            values = parts.astype(np.float32)
        if self.scale != 1:
            values = (values - np.float32(self.offset)) / np.float32(self.scale)
        return values.view(np.complex64)

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
