"""Samples into a new recording."""

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sigmf
from jsonschema import ValidationError

from ... import __version__
from .common import MAX_RATE, NAMESPACE, WRITABLE, IqFileError, SampleFormat, file_pair


class IqWriter:
    """Stream samples into a new recording; one of the same name is replaced.

    The metadata is there from the start and complete after `close`, so that whatever ends the process leaves a
    recording that `IqReader` reads. `with` closes, also after an error.

    Args:
        path: NAME; the endings are added.
        sample_rate: Hz.
        center_frequency: Hz, None where there is none (audio band, simulation).
        description, hardware: free text.
        datatype: one of `WRITABLE`. Integers are rounded, and clipped at full scale: `clipped` counts those.
        facts: `symbol_rate` and `offset` of the signal, Hz, which become fields of our namespace.

    Raises:
        IqFileError: bad_rate, bad_datatype or unwritable.
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate: float,
        center_frequency: float | None = None,
        description: str = "",
        hardware: str | None = None,
        datatype: str = "cf32_le",
        facts: Mapping[str, float] | None = None,
    ) -> None:
        if not 0 < sample_rate <= MAX_RATE:
            raise IqFileError("bad_rate", f"sample rate {sample_rate:g} Hz is not in 0..{MAX_RATE:g} Hz")
        if center_frequency is not None and not abs(center_frequency) <= MAX_RATE:
            raise IqFileError("bad_rate", f"{center_frequency:g} Hz is no frequency; leave it out if unknown")
        if datatype not in WRITABLE:
            raise IqFileError("bad_datatype", f"cannot write {datatype!r}; take one of {', '.join(WRITABLE)}")
        self.data_path, self.meta_path = file_pair(path)
        self.sample_count = self.clipped = 0
        self._format = SampleFormat(datatype)
        self._hash = hashlib.sha512()
        self._global: dict[str, Any] = {
            "core:datatype": datatype,
            "core:sample_rate": float(sample_rate),
            "core:description": description,
            "core:author": "",  # a recording says nothing of who made it unless that person adds it
            "core:recorder": f"gr-deepsc {__version__}",
        } | ({"core:hw": hardware} if hardware else {})
        if facts:
            self._global |= {f"{NAMESPACE}:{name}": float(value) for name, value in facts.items()}
            self._global["core:extensions"] = [{"name": NAMESPACE, "version": "1.0.0", "optional": True}]
        self._capture: dict[str, str | float] = {"core:datetime": _now()}
        if center_frequency is not None:
            self._capture["core:frequency"] = float(center_frequency)
        self._annotations: list[tuple[int, int, dict]] = []
        try:
            # Unbuffered: what `write` has taken is the kernel's, and outlives this process.
            self._file = self.data_path.open("wb", buffering=0)
        except OSError as error:
            raise _unwritable(self.data_path, error) from None
        try:
            self._write_meta()
        except IqFileError:
            self._file.close()
            raise

    def __enter__(self) -> "IqWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, samples: np.ndarray) -> None:
        """Append complex [n], full scale 1.0.

        Raises:
            IqFileError: bad_format, not_finite, closed, or unwritable: the disk is full, and what fitted is kept.
        """
        self._refuse_if_closed()
        samples = np.asarray(samples)
        if samples.ndim != 1 or samples.dtype.kind != "c":
            raise IqFileError("bad_format", f"samples must be complex [n], not {samples.dtype} {samples.shape}")
        with np.errstate(over="ignore"):  # what overflows float32 is refused as infinite
            samples = np.ascontiguousarray(samples, np.complex64)
        if not np.isfinite(samples).all():
            raise IqFileError("not_finite", "the samples have NaN or infinite values; none of them written")
        if not self.sample_count:
            self._capture["core:datetime"] = _now()
        raw, clipped = self._format.encode(samples)
        rest = raw.view(np.uint8).data
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._file.truncate(self.sample_count * self._format.sample_size)
            raise _unwritable(self.data_path, error) from None
        self._hash.update(raw.data)
        self.sample_count += len(samples)
        self.clipped += clipped

    def annotate(self, start_sample: int, count: int, label: str, comment: str = "") -> None:
        """Mark `count` samples from `start_sample` on; written at `close`, less what lies beyond the end.

        Raises:
            IqFileError: bad_format or closed.
        """
        self._refuse_if_closed()
        if start_sample < 0 or count < 0:
            raise IqFileError("bad_format", f"cannot mark {count} samples from sample {start_sample} on")
        self._annotations.append((int(start_sample), int(count), {"core:label": label, "core:comment": comment}))

    def close(self) -> None:
        """Write the metadata, hash and annotations included; again: nothing."""
        if not self._file.closed:
            self._file.close()
            self._write_meta(complete=True)

    def _refuse_if_closed(self) -> None:
        if self._file.closed:
            raise IqFileError("closed", f"the recording {self.data_path} is closed; open a new one")

    def _write_meta(self, complete: bool = False) -> None:
        info = self._global | ({"core:sha512": self._hash.hexdigest()} if complete else {})
        meta = sigmf.SigMFFile(global_info=info)
        meta.add_capture(0, metadata=dict(self._capture))
        for start, count, text in self._annotations:
            if start <= self.sample_count:  # the tail may have found no room on the disk
                meta.add_annotation(start, min(count, self.sample_count - start), metadata=dict(text))
        try:
            meta.validate()
            # A new file and a rename: a crash in between leaves the old metadata, not half of the new.
            part = self.meta_path.with_name(self.meta_path.name + ".part")
            part.write_text(meta.dumps() + "\n", encoding="utf-8")
            os.replace(part, self.meta_path)
        except OSError as error:
            raise _unwritable(self.meta_path, error) from None
        except ValidationError as error:
            raise IqFileError("bad_metadata", f"SigMF does not allow this: {error.message}") from None


def _unwritable(path: Path, error: OSError) -> IqFileError:
    return IqFileError("unwritable", f"cannot write {path}: {error.strerror}")


def _now() -> str:
    """UTC as RFC 3339 and SigMF have it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
