"""Wav files as radio programs write them, which is more, and more carelessly, than sound programs do.

HDSDR, SDRuno, SDR Console and others put the tuner's frequency into a chunk `auxi`; KiwiSDR's I and Q come as hundreds
of `data` chunks, each behind a `kiwi` chunk with the time; lengths are 0 where a recorder was killed, wrong beyond
4 GiB, and 64 bits long in a chunk `ds64` in RF64. So the chunks are walked through here. What is no plain PCM is left
to libsndfile.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, NamedTuple

from ..iqfile.common import IqFileError, SampleFormat
from ..iqfile.samples import Blemishes, Samples, Source, Stretch

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN = (0, 0xFFFF_FFFF)  # lengths of a file that was not closed, or is too long for its header
LONGEST_CHUNK = 1 << 16  # bytes of a chunk that is looked into
MOST_CHUNKS = 1 << 20  # a day of KiwiSDR has half as many


class Format(NamedTuple):
    """The chunk `fmt `."""

    tag: int
    channels: int
    sample_rate: int
    size: int  # bytes of a sample of all channels


@dataclass
class Wav:
    """What a wav file says of itself."""

    format: Format
    data: list[tuple[int, int]] = field(default_factory=list)  # first byte and bytes of each stretch of samples
    center_frequency: float | None = None
    from_radio: bool = False  # it has a chunk that only recorders of I and Q write

    def samples(self, source: Source, blemishes: Blemishes) -> Samples | None:
        """The samples; None where they are coded otherwise than as plain numbers."""
        tag, channels, _, size = self.format
        bits = 8 * size // channels
        if size * 8 != bits * channels or bits not in {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}.get(tag, ()):
            return None
        kind = "f" if tag == FLOAT else "u" if bits == 8 else "i"
        stretches = tuple(Stretch(start, length // size) for start, length in self.data if length >= size)
        return Samples(
            source, SampleFormat(f"r{kind}{bits}" + ("_le" if bits > 8 else "")), stretches, channels, blemishes
        )


def read(source: Source, blemishes: Blemishes) -> Wav:
    """The chunks of a RIFF or RF64 file.

    Raises:
        IqFileError: unreadable, where it is no wav.
    """
    with source.open() as file:
        magic, _, kind = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if kind != b"WAVE":
            raise IqFileError("unreadable", f"{source.name} is a RIFF file, but no wav")
        wav, long = None, 0
        for name, start, length in _chunks(file, source.size):
            if name == b"fmt ":
                wav = Wav(_format(_inside(file, start, length), source.name))
            elif name == b"ds64":
                long = struct.unpack_from("<Q", _inside(file, start, length).ljust(16, b"\0"), 8)[0]
            elif name == b"data" and wav:
                wav.data.append((start, _length(source, start, length, long, magic, blemishes)))
            elif name in (b"auxi", b"kiwi") and wav:
                wav.from_radio = True
                if name == b"auxi":
                    wav.center_frequency = frequency(_inside(file, start, length))
    if wav is None:
        raise IqFileError("unreadable", f"{source.name} is a wav without a format; its beginning is missing")
    return wav


def _chunks(file: IO[bytes], size: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte and claimed length of each chunk; ends at what is none."""
    place = 12
    for _ in range(MOST_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8 or not all(32 <= byte < 127 for byte in head[:4]):
            return
        length = struct.unpack("<I", head[4:])[0]
        yield head[:4], place + 8, length
        if head[:4] == b"data" and (length in UNKNOWN or place + 8 + length >= size or size > 1 << 32):
            return
        place += 8 + length + length % 2


def _length(source: Source, start: int, length: int, long: int, magic: bytes, blemishes: Blemishes) -> int:
    """Bytes of a `data` chunk that are there."""
    there = max(0, source.size - start)
    if magic == b"RF64" and length == 0xFFFF_FFFF and long:
        length = long
    if length in UNKNOWN or (source.size > 1 << 32 and length < there):
        if there:
            blemishes.add(f"{source.name} does not say how long it is: recorder not closed? Read to its end")
        return there
    if length > there:
        blemishes.add(f"{source.name} was cut: {there} of {length} bytes of samples are there")
    return min(length, there)


def _format(chunk: bytes, name: str) -> Format:
    if len(chunk) < 16:
        raise IqFileError("unreadable", f"{name} is a wav whose format is cut off")
    tag, channels, rate, _, size, _ = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack_from("<H", chunk, 24)[0]
    if not channels or not rate or not size:
        raise IqFileError("unreadable", f"{name} is a wav of {channels} channels and {rate} samples a second")
    return Format(tag, channels, rate, size)


def _inside(file: IO[bytes], start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(min(length, LONGEST_CHUNK))


def frequency(auxi: bytes) -> float | None:
    """Hz that a chunk `auxi` says: a number behind two times of 16 bytes, or XML in UTF-16 of SDR Console."""
    text = auxi.decode("utf-16-le", errors="replace")
    if found := re.search(r'CenterFreq="(\d{1,12})"', text):
        return float(found[1])
    return float(struct.unpack_from("<I", auxi, 32)[0]) or None if len(auxi) >= 36 else None


def is_wav(head: bytes) -> bool:
    """Whether a file that begins with these bytes is one."""
    return head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE"
