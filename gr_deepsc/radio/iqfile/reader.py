"""A recording's metadata, as much of it as is needed, and its samples piece by piece.

Programs write SigMF of all versions and of their own kind. So what is not needed is not looked at, and what is broken,
but can be done without, is a warning.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .archive import is_archive, open_archive
from .common import MAX_RATE, NAMESPACE, IqFileError, SampleFormat, file_pair
from .fields import Annotation, marks, number, start_of, stretches, text, whole
from .samples import Blemishes, Samples, Source, stated_rate, unreadable

MAX_METADATA = 1 << 24  # bytes; what is larger is no metadata of ours to parse
MAX_CHANNELS = 1024


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
    channels: int = 1
    symbol_rate: float | None = None  # Hz, `offset` as well: what gr-deepsc writes into its own recordings
    offset: float | None = None
    warnings: Blemishes = field(default_factory=Blemishes)  # more may come while the samples are read


class IqReader:
    """Samples of a recording, piece by piece; memory is that of one piece. `meta` says what they are.

    Args:
        path: NAME, either file of the pair, or a SigMF archive.
        verify: compare the samples with the metadata's hash first: one more pass over the file.
        sample_rate: Hz, in place of what the metadata say.

    Raises:
        IqFileError: as `read`.
    """

    def __init__(self, path: str | Path, verify: bool = False, sample_rate: float | None = None) -> None:
        self.meta, self.samples = _read(path, verify, sample_rate)

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        """complex64 [size] in order, the last one shorter; of real samples float32, of several channels the first.

        Samples that are NaN or infinite are 0, and told in `meta.warnings`.

        Raises:
            IqFileError: truncated or unreadable, where the file changed after it was opened.
        """
        for block in self.samples.blocks(size):
            yield block[:, 0]


def read(path: str | Path, verify: bool = False, sample_rate: float | None = None) -> Meta:
    """Metadata of a recording, checked against the size of its data.

    Args:
        path: NAME, either file of the pair, or a SigMF archive.
        verify: compare the samples with the metadata's hash.
        sample_rate: Hz, in place of what the metadata say.

    Raises:
        IqFileError: missing, unreadable, bad_metadata, bad_datatype, unsupported, or with `verify`
            hash_mismatch and no_hash.
    """
    return _read(path, verify, sample_rate)[0]


def _read(path: str | Path, verify: bool, sample_rate: float | None) -> tuple[Meta, Samples]:
    blemishes = Blemishes()
    meta_source, beside = _halves(Path(path), blemishes)
    name = meta_source.name
    info, captures, annotations = _load(meta_source, blemishes)
    datatype = info.get("core:datatype")
    if not isinstance(datatype, str):
        raise IqFileError("bad_metadata", f"{name} names no core:datatype; write it there, as cf32_le")
    rate = stated_rate(name, number(info.get("core:sample_rate")), sample_rate, blemishes)
    if rate is None or not 0 < rate <= MAX_RATE:
        raise IqFileError("bad_metadata", f"{name} names no usable core:sample_rate; say it by --sample-rate")
    channels = whole(info.get("core:num_channels", 1))
    if channels is None or not 0 < channels <= MAX_CHANNELS:
        raise IqFileError("bad_metadata", f"{name} names no usable core:num_channels; write it there")
    extensions = info.get("core:extensions")  # of SigMF 0.0.x it is an object, and none of it must be known
    for each in extensions if isinstance(extensions, list) else []:
        if isinstance(each, dict) and each.get("optional") is False and each.get("name") != NAMESPACE:
            raise IqFileError("unsupported", f"{name} describes an extension that a reader must know: {each}"[:300])
    first = min(captures, key=start_of, default={})
    if any(number(each.get("core:frequency")) != number(first.get("core:frequency")) for each in captures):
        blemishes.add(f"{name}: the recorder was tuned to other frequencies while it ran; only the first one is used")
    format, data = SampleFormat(datatype), beside(info.get("core:dataset"))
    offset = whole(info.get("core:offset")) or 0
    place = stretches(data, format.sample_size * channels, info, captures, offset, blemishes)
    samples = Samples(data, format, place, channels, blemishes)
    meta = Meta(
        path=Path(data.name),
        sample_rate=float(rate),
        center_frequency=number(first.get("core:frequency")),
        datatype=datatype,
        sample_count=samples.count,
        description=text(info.get("core:description")),
        hardware=text(info.get("core:hw")),
        recorder=text(info.get("core:recorder")),
        datetime=text(first.get("core:datetime")) or None,
        annotations=marks(annotations, offset, samples.count, name, blemishes),
        sha512=text(info.get("core:sha512")) or None,
        channels=channels,
        symbol_rate=number(info.get(f"{NAMESPACE}:symbol_rate")),
        offset=number(info.get(f"{NAMESPACE}:offset")),
        warnings=blemishes,
    )
    if verify:
        _verify(data, meta)
    return meta, samples


def _halves(path: Path, blemishes: Blemishes) -> tuple[Source, Callable[[Any], Source]]:
    """The metadata of a recording, and what gives its data: core:dataset or None -> Source."""
    head = b""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(512)
    if path.is_file() and is_archive(path, head):
        meta, members = open_archive(path, blemishes)
        usual = Path(meta.name).with_suffix(".sigmf-data").name
    else:
        data_path, meta_path = file_pair(path)
        if path.is_file() and path != data_path and head.lstrip().startswith(b"{"):
            meta_path, data_path = path, path.with_suffix(".sigmf-data")
        meta, members, usual = _existing(meta_path), None, data_path.name

    def beside(dataset: Any) -> Source:
        name = usual if dataset is None else dataset
        if not isinstance(name, str) or not name or Path(name).name != name:
            raise IqFileError("bad_metadata", f"{meta.name}: core:dataset is no name of a file beside it")
        if members is None:
            return _existing(Path(meta.name).with_name(name))
        if name not in members:
            raise IqFileError("missing", f"no file {name} in {path}; a recording is a .sigmf-meta and a .sigmf-data")
        return members[name]

    return meta, beside


def _load(source: Source, blemishes: Blemishes) -> tuple[dict, list[dict], list[dict]]:
    """Global, captures and annotations of a metadata file; what is none of these is left out."""
    if source.size > MAX_METADATA:
        raise IqFileError("bad_metadata", f"{source.name} is larger than {MAX_METADATA} bytes; is it metadata?")
    try:
        with source.open() as file:
            raw = file.read()
        metadata = json.loads(raw.decode(json.detect_encoding(raw), errors="replace"))  # texts of older encodings
    except OSError as error:
        raise unreadable(source.name, error) from None
    except IqFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise IqFileError("bad_metadata", f"{source.name} is no JSON ({error}); restore it") from None
    if not isinstance(metadata, dict) or not isinstance(info := metadata.get("global"), dict):
        raise IqFileError("bad_metadata", f"{source.name} is no SigMF metadata: no global object in it")
    lists = []
    for key in ("captures", "annotations"):
        entries = metadata.get(key, [])
        kept = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
        if kept != entries:
            blemishes.add(f"{source.name}: {key} that are no objects are left out")
        lists.append(kept)
    return info, lists[0], lists[1]


def _verify(data: Source, meta: Meta) -> None:
    if meta.sha512 is None:
        raise IqFileError("no_hash", f"{meta.path} cannot be verified: its metadata has no hash (recording cut short?)")
    digest = hashlib.sha512()
    try:
        with data.open() as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise unreadable(data.name, error) from None
    if digest.hexdigest() != meta.sha512.lower():
        raise IqFileError("hash_mismatch", f"{meta.path} is not what was recorded (SHA-512); copy it again")


def _existing(path: Path) -> Source:
    """One file of the pair."""
    if not path.is_file():
        hint = "a recording is a .sigmf-meta and a .sigmf-data"
        if (archive := path.with_suffix(".sigmf")).is_file():
            hint = f"there is {archive}"
        raise IqFileError("missing", f"no file {path}; {hint}")
    return Source.of(path)
