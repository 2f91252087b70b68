"""A recording's metadata, checked, and its samples piece by piece."""

import hashlib
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sigmf
from jsonschema import ValidationError

from .common import MAX_RATE, IqFileError, SampleFormat, file_pair

MAX_METADATA = 1 << 24  # bytes; what is larger is no metadata of ours to parse


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
        self._format = SampleFormat(self.meta.datatype)

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
                            "not_finite", f"{self.meta.path}: sample {first} is NaN or infinite; repair or re-record it"
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
    data_path, meta_path = file_pair(path)
    info, captures, annotations = _load(meta_path)
    datatype = info["core:datatype"]
    sample_size = SampleFormat(datatype).sample_size
    _refuse_what_we_cannot_read(info, captures, meta_path)
    rate, offset = info.get("core:sample_rate") or 0, info.get("core:offset", 0)
    if not 0 < rate <= MAX_RATE:
        raise IqFileError("bad_metadata", f"{meta_path} names no usable core:sample_rate; write it (Hz) there")
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
        raise IqFileError("truncated", f"{data_path} has {count} samples, its metadata speaks of {end}; copy it again")
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
        "an extension that a reader must know": any(not each["optional"] for each in info.get("core:extensions", [])),
    }
    for reason, applies in reasons.items():
        if applies:
            raise IqFileError("unsupported", f"{meta_path} describes {reason}")


def _verify(meta: Meta) -> None:
    if meta.sha512 is None:
        raise IqFileError("no_hash", f"{meta.path} cannot be verified: its metadata has no hash (recording cut short?)")
    try:
        with meta.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").hexdigest()
    except OSError as error:
        raise IqFileError("unreadable", f"cannot read {meta.path}: {error.strerror}") from None
    if digest != meta.sha512.lower():
        raise IqFileError("hash_mismatch", f"{meta.path} is not what was recorded (SHA-512); copy it again")


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python's json takes and JSON does not."""
    raise ValueError(f"{name} is no number")


def _size(path: Path) -> int:
    """Bytes in one file of the pair."""
    if path.is_file():
        return path.stat().st_size
    archive = path.with_suffix(".sigmf")
    hint = f"unpack {archive} with tar" if archive.is_file() else "a recording is a .sigmf-meta and a .sigmf-data"
    raise IqFileError("missing", f"no file {path}; {hint}")
