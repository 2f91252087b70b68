"""Recordings of complex samples as SigMF pairs: NAME.sigmf-data, the samples, and NAME.sigmf-meta, what they are.

Field names and datatypes are those of the SigMF specification, version 1.2 (https://sigmf.org). A path may be
given as NAME or with either ending. Integer samples have full scale 1.0: value / 2^(bits - 1).
"""

import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import sigmf
from jsonschema import ValidationError
from sigmf.sigmffile import get_sigmf_filenames

from . import __version__

WRITABLE = ("cf32_le", "ci16_le", "ci8")
MAX_METADATA = 1 << 24  # bytes; what is larger is no metadata of ours to parse
MAX_RATE = 1e12  # Hz, the specification's limit


class IqFileError(ValueError):
    """A recording that cannot be read or written. `error_type` is a short slug, the message says what to do.

    Types: missing, unreadable, unwritable, bad_metadata, bad_datatype, unsupported, truncated, hash_mismatch,
    no_hash, not_finite, bad_format, bad_rate, closed.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


@dataclass(frozen=True)
class Annotation:
    """A marked stretch of a recording; `count` is None where only its start is known."""

    start_sample: int
    count: int | None
    label: str
    comment: str


@dataclass(frozen=True)
class Meta:
    """What a recording says of itself; `center_frequency` (Hz) and `datetime` are its first capture's."""

    path: Path  # of the samples
    sample_rate: float  # Hz
    center_frequency: float | None
    datatype: str
    sample_count: int
    description: str
    hardware: str
    recorder: str
    datetime: str | None  # UTC, RFC 3339
    annotations: tuple[Annotation, ...]
    sha512: str | None  # None: the recorder did not get to write it


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
    ) -> None:
        if not 0 < sample_rate <= MAX_RATE:
            raise IqFileError("bad_rate", f"sample rate {sample_rate:g} Hz is not in 0..{MAX_RATE:g} Hz")
        if center_frequency is not None and not abs(center_frequency) <= MAX_RATE:
            raise IqFileError("bad_rate", f"{center_frequency:g} Hz is no frequency; leave it out if unknown")
        if datatype not in WRITABLE:
            raise IqFileError("bad_datatype", f"cannot write {datatype!r}; take one of {', '.join(WRITABLE)}")
        self.data_path, self.meta_path = _paths(path)
        self.sample_count = self.clipped = 0
        self._format = _Format(datatype)
        self._hash = hashlib.sha512()
        self._global = {
            "core:datatype": datatype,
            "core:sample_rate": float(sample_rate),
            "core:description": description,
            "core:author": "",  # a recording says nothing of who made it unless that person adds it
            "core:recorder": f"gr-deepsc {__version__}",
        } | ({"core:hw": hardware} if hardware else {})
        self._capture = {"core:datetime": _now()}
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

    def __exit__(self, *_) -> None:
        self.close()

    def write(self, samples: np.ndarray) -> None:
        """Append complex [n], full scale 1.0.

        Raises:
            IqFileError: bad_format, not_finite, closed, or unwritable: the disk is full, and what fitted is kept.
        """
        self._refuse_if_closed()
        samples = np.asarray(samples)
        if samples.ndim != 1 or samples.dtype.kind != "c":
            raise IqFileError(
                "bad_format", f"samples must be complex [n], not {samples.dtype} {samples.shape}"
            )
        with np.errstate(over="ignore"):  # what overflows float32 is refused as infinite
            samples = np.ascontiguousarray(samples, np.complex64)
        if not np.isfinite(samples).all():
            raise IqFileError("not_finite", "the samples have NaN or infinite values; none of them written")
        if not self.sample_count:
            self._capture["core:datetime"] = _now()
        raw, clipped = self._format.encode(samples)
        rest = memoryview(raw.view(np.uint8))
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._file.truncate(self.sample_count * self._format.sample_size)
            raise _unwritable(self.data_path, error) from None
        self._hash.update(raw)
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
        self._annotations.append(
            (int(start_sample), int(count), {"core:label": label, "core:comment": comment})
        )

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


class IqReader:
    """Samples of a recording, piece by piece; memory is that of one piece. `meta` says what they are.

    Args:
        path: NAME, or either file of the pair.
        verify: compare the samples with the metadata's hash first: one more pass over the file.

    Raises:
        IqFileError: as `read`.
    """

    def __init__(self, path: str | Path, verify: bool = False) -> None:
        self.meta = read(path, verify)
        self._format = _Format(self.meta.datatype)

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        """complex64 [size] pieces in order, the last one shorter.

        Raises:
            IqFileError: not_finite; truncated or unreadable, where the file changed after it was opened.
        """
        if size < 1:
            raise ValueError(f"pieces of {size} samples")
        left = self.meta.sample_count
        try:
            with self.meta.path.open("rb") as file:
                while left:
                    count = min(size, left)
                    samples = self._format.decode(file.read(count * self._format.sample_size))
                    if len(samples) < count:
                        raise IqFileError("truncated", f"{self.meta.path} became shorter while it was read")
                    if not np.isfinite(samples).all():
                        first = self.meta.sample_count - left + int(np.argmin(np.isfinite(samples)))
                        raise IqFileError(
                            "not_finite",
                            f"{self.meta.path}: sample {first} is NaN or infinite; repair or re-record it",
                        )
                    left -= count
                    yield samples
        except OSError as error:
            raise IqFileError("unreadable", f"cannot read {self.meta.path}: {error.strerror}") from None


def read(path: str | Path, verify: bool = False) -> Meta:
    """Metadata of a recording, checked against the specification and against the size of its data.

    Args:
        path: NAME, or either file of the pair.
        verify: compare the samples with the metadata's hash.

    Raises:
        IqFileError: missing, unreadable, bad_metadata, bad_datatype, unsupported, truncated, or with `verify`
            hash_mismatch and no_hash.
    """
    data_path, meta_path = _paths(path)
    info, captures, annotations = _load(meta_path)
    datatype = info["core:datatype"]
    sample_size = _Format(datatype).sample_size
    _refuse_what_we_cannot_read(info, captures, meta_path)
    rate, offset = info.get("core:sample_rate"), info.get("core:offset", 0)
    if not 0 < (rate or 0) <= MAX_RATE:
        raise IqFileError(
            "bad_metadata", f"{meta_path} names no usable core:sample_rate; write it (Hz) there"
        )
    count, remainder = divmod(_size(data_path), sample_size)
    if remainder:
        raise IqFileError(
            "truncated",
            f"{data_path} ends within a sample of {datatype}; `truncate -s {count * sample_size} FILE` drops it",
        )
    marks = tuple(
        Annotation(
            each["core:sample_start"] - offset,
            each.get("core:sample_count"),
            each.get("core:label", ""),
            each.get("core:comment", ""),
        )
        for each in annotations
    )
    end = max(
        [mark.start_sample + (mark.count or 0) for mark in marks]
        + [capture["core:sample_start"] - offset for capture in captures],
        default=0,
    )
    if end > count:
        raise IqFileError(
            "truncated", f"{data_path} has {count} samples, its metadata speaks of {end}; copy it again"
        )
    first = captures[0] if captures else {}
    meta = Meta(
        path=data_path,
        sample_rate=float(rate),
        center_frequency=first.get("core:frequency"),
        datatype=datatype,
        sample_count=count,
        description=info.get("core:description", ""),
        hardware=info.get("core:hw", ""),
        recorder=info.get("core:recorder", ""),
        datetime=first.get("core:datetime"),
        annotations=marks,
        sha512=info.get("core:sha512"),
    )
    if verify:
        _verify(meta)
    return meta


def _load(meta_path: Path) -> tuple[dict, list, list]:
    """Global, captures and annotations of a metadata file that follows the specification's schema."""
    if _size(meta_path) > MAX_METADATA:
        raise IqFileError("bad_metadata", f"{meta_path} is larger than {MAX_METADATA} bytes; is it metadata?")
    try:
        metadata = json.loads(meta_path.read_bytes(), parse_constant=_no_constant)
    except OSError as error:
        raise IqFileError("unreadable", f"cannot read {meta_path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise IqFileError("bad_metadata", f"{meta_path} is no JSON ({error}); restore it") from None
    parts = metadata if isinstance(metadata, dict) else {}
    found = [parts.get("global"), parts.get("captures", []), parts.get("annotations", [])]
    if [type(each) for each in found] != [dict, list, list]:
        raise IqFileError("bad_metadata", f"{meta_path} is no SigMF metadata: no global object in it")
    document = dict(zip(("global", "captures", "annotations"), found, strict=True))
    try:
        with warnings.catch_warnings(action="ignore"):  # of extensions that are used, but not declared
            sigmf.SigMFFile(metadata=document).validate()
    except ValidationError as error:
        place = "/".join(map(str, error.absolute_path)) or "metadata"
        message = error.message if len(error.message) < 200 else "not as the specification says"
        raise IqFileError("bad_metadata", f"{meta_path}: {place}: {message}") from None
    return tuple(found)


def _refuse_what_we_cannot_read(info: dict, captures: list, meta_path: Path) -> None:
    """Legal SigMF that would come out as garbage if it were read as one plain stream of samples."""
    reasons = {
        f"{info.get('core:num_channels')} channels; split them": info.get("core:num_channels", 1) != 1,
        "a dataset in another format; convert it to .sigmf-data": "core:dataset" in info
        or info.get("core:trailing_bytes")
        or any(capture.get("core:header_bytes") for capture in captures),
        "an extension that a reader must know": any(
            not each["optional"] for each in info.get("core:extensions", [])
        ),
    }
    for reason, applies in reasons.items():
        if applies:
            raise IqFileError("unsupported", f"{meta_path} describes {reason}")


def _verify(meta: Meta) -> None:
    if meta.sha512 is None:
        raise IqFileError(
            "no_hash", f"{meta.path} cannot be verified: its metadata has no hash (recording cut short?)"
        )
    try:
        with meta.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").hexdigest()
    except OSError as error:
        raise IqFileError("unreadable", f"cannot read {meta.path}: {error.strerror}") from None
    if digest != meta.sha512.lower():
        raise IqFileError("hash_mismatch", f"{meta.path} is not what was recorded (SHA-512); copy it again")


class _Format:
    """A complex SigMF datatype: c, the kind and bits of I and Q, and their byte order."""

    def __init__(self, datatype: str) -> None:
        match = re.fullmatch(r"c(f32|f64|[iu](?:32|16|8))(?:_([lb])e)?", datatype)
        if not match:
            problem = "is real-valued; IQ is needed" if datatype.startswith("r") else "is no SigMF datatype"
            raise IqFileError("bad_datatype", f"{datatype!r} {problem}: convert it to cf32_le")
        (kind, *bits), order = match[1], match[2]
        self.part = np.dtype(f"{'>' if order == 'b' else '<'}{kind}{int(''.join(bits)) // 8}")
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


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python's json takes and JSON does not."""
    raise ValueError(f"{name} is no number")


def _paths(path: str | Path) -> tuple[Path, Path]:
    """Data and metadata file of a recording."""
    names = get_sigmf_filenames(path)
    return Path(names["data_fn"]), Path(names["meta_fn"])


def _size(path: Path) -> int:
    """Bytes in one file of the pair."""
    if path.is_file():
        return path.stat().st_size
    archive = path.with_suffix(".sigmf")
    hint = (
        f"unpack {archive} with tar"
        if archive.is_file()
        else "a recording is a .sigmf-meta and a .sigmf-data"
    )
    raise IqFileError("missing", f"no file {path}; {hint}")


def _unwritable(path: Path, error: OSError) -> IqFileError:
    return IqFileError("unwritable", f"cannot write {path}: {error.strerror}")


def _now() -> str:
    """UTC as RFC 3339 and SigMF have it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
