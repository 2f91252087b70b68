"""Samples that lie in a file as plain numbers: in SigMF, in wav and in files without any header."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from .common import IqFileError, SampleFormat

LOUDEST = 1e9  # full scales; what is stronger is no sample, and its square would hide all else
_STEP = 1 << 16  # bytes that are read at a time: so few are lost where an archive breaks off


class Source(NamedTuple):
    """A file to read, by itself or in an archive."""

    name: str
    size: int  # bytes
    open: Callable[[], AbstractContextManager[IO[bytes]]]

    @classmethod
    def of(cls, path: Path) -> "Source":
        """A file on the disk.

        Raises:
            IqFileError: missing or unreadable.
        """
        if not path.is_file():
            raise IqFileError("missing", f"{path} is a folder, no recording" if path.is_dir() else f"no file {path}")
        try:
            return cls(str(path), path.stat().st_size, lambda: path.open("rb"))
        except OSError as error:
            raise IqFileError("unreadable", f"cannot read {path}: {error.strerror}") from None


class Stretch(NamedTuple):
    """Where samples lie without a gap."""

    start: int  # byte
    length: int  # samples of each channel


class Blemishes(list[str]):
    """Sentences about what is wrong with a recording and was got over, each once; more may come while it is read."""

    _told = 0

    def add(self, sentence: str) -> None:
        """Keep it, if it is not there yet."""
        if sentence not in self:
            self.append(sentence)

    def untold(self) -> list[str]:
        """Those that were not asked for so far."""
        new, self._told = self[self._told :], len(self)
        return new


def finite(samples: np.ndarray, before: int, name: str, blemishes: Blemishes) -> np.ndarray:
    """The samples, float32 or complex64 [n, ...], with 0 for each that is NaN, infinite or beyond `LOUDEST`.

    `before`: samples of the recording that came before.
    """
    parts = np.ascontiguousarray(samples).view(np.float32).reshape(len(samples), -1)
    good = np.abs(parts) <= LOUDEST  # NaN is not
    if good.all():
        return samples
    first = before + int(np.argmin(good.all(axis=1)))
    blemishes.add(f"{name}: sample {first}, and perhaps others, is NaN or infinite; taken as 0")
    out = np.array(samples)
    out[~good.all(axis=1)] = 0
    return out


def stated_rate(name: str, own: float | None, stated: float | None, blemishes: Blemishes) -> float | None:
    """Samples a second: as a person states them, else as the file says itself."""
    if stated and own and abs(stated / own - 1) > 1e-6:
        blemishes.add(f"{name} says that it has {own:g} samples a second; taken are {stated:g}, as --sample-rate says")
    return stated or own


@dataclass
class Samples:
    """Numbers of one format in stretches of a file, the channels' samples in turn."""

    source: Source
    format: SampleFormat
    stretches: tuple[Stretch, ...]
    channels: int = 1
    blemishes: Blemishes = field(default_factory=Blemishes)

    @property
    def count(self) -> int:
        """Samples of each channel."""
        return sum(stretch.length for stretch in self.stretches)

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """complex64 or float32 [size, channels] in order, the last one shorter.

        Raises:
            IqFileError: unreadable; truncated, where the file changed after it was opened.
        """
        if size < 1:
            raise ValueError(f"pieces of {size} samples")
        done = 0
        for raw in self._raw(size * self._size):
            block = self.format.decode(raw).reshape(-1, self.channels)
            yield finite(block, done, self.source.name, self.blemishes)
            done += len(block)
        if done < self.count:
            raise IqFileError("truncated", f"{self.source.name} became shorter while it was read")

    @property
    def _size(self) -> int:
        """Bytes of a sample of all channels."""
        return self.channels * self.format.sample_size

    def _raw(self, size: int) -> Iterator[bytes]:
        """The stretches' bytes, `size` at a time; where a file breaks off, first what came before."""
        held, broken = bytearray(), None
        try:
            with self.source.open() as file:
                for start, length in self.stretches:
                    file.seek(start)
                    left = length * self._size
                    while left and (read := file.read(min(_STEP, size - len(held), left))):
                        held += read
                        left -= len(read)
                        if len(held) == size:
                            yield bytes(held)
                            held.clear()
        except IqFileError as error:
            broken = error
        except OSError as error:
            broken = unreadable(self.source.name, error)
        if held:
            yield bytes(held)
        if broken:
            raise broken


def unreadable(name: str, error: Exception) -> IqFileError:
    """Of a file that the system, or an archive's compression, does not give."""
    return IqFileError("unreadable", f"cannot read {name}: {getattr(error, 'strerror', None) or error}")
