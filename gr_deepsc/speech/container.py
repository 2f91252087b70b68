"""What a path names, opened: a file, or a pipe; and wav files mended whose header tells of too little."""

import os
import stat
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .audio import AudioError

LARGEST = 1 << 30  # bytes of what comes through a pipe: ten minutes of stereo at 192 kHz have less
STREAMED = 0x7FFFF000  # programs that write into a pipe put this, or more, where a length belongs
_PIECE = 1 << 20


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """A file to read from any place, "-" for standard input; what comes through a pipe is kept in a temporary file.

    Raises:
        AudioError: missing; too_long, of a pipe.
    """
    try:
        if str(path) == "-":
            if sys.stdin is None or os.isatty(0):
                raise AudioError("missing", "standard input (-) is a terminal: pipe a recording into it")
            source = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
        else:
            source = open(path, "rb", buffering=0)  # noqa: SIM115
    except FileNotFoundError:
        raise AudioError("missing", f"no file {path}") from None
    except IsADirectoryError:
        raise AudioError("missing", f"{path} is a folder, not a recording") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AudioError("missing", f"cannot open {path}: {reason}") from None
    with source:
        if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            yield source
            return
        with tempfile.TemporaryFile(buffering=0) as kept:
            _copy(source, kept, str(path))
            yield kept


@contextmanager
def mended(file: BinaryIO, path: str) -> Iterator[tuple[BinaryIO, int]]:
    """The file, or a copy whose header says that the sound goes on to the file's end.

    A wav or au that was written into a pipe, or whose program was stopped, tells of no sound; another of less than
    is there.

    Yields:
        The file, and how many bytes of sound its header left out.
    """
    size = os.fstat(file.fileno()).st_size
    patches, hidden = _wav_patches(file, size) or _au_patches(file, size) or ([], 0)
    file.seek(0)
    if not patches:
        yield file, 0
        return
    with tempfile.TemporaryFile(buffering=0) as copy:
        _copy(file, copy, path)
        for place, value in patches:
            copy.seek(place)
            copy.write(value)
        copy.seek(0)
        yield copy, hidden


def _wav_patches(file: BinaryIO, size: int) -> tuple[list[tuple[int, bytes]], int] | None:
    """What to write where, so that the sound lasts to the end; None where it is no wav, or all is well."""
    file.seek(0)
    riff = file.read(12)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        return None
    place = 12
    while len(head := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", head)
        place += 8
        end = place + length + length % 2
        if name == b"data":
            if end >= size or (length and _is_chunk(file, end, size)):
                return None
            # libsndfile goes to the end of the file where these two say that the program was stopped
            return [(4, struct.pack("<I", 8)), (place - 4, struct.pack("<I", 0))], size - end
        file.seek(end)
        place = end
    return None


def _is_chunk(file: BinaryIO, place: int, size: int) -> bool:
    """Whether what follows the sound is another chunk, or too little to be sound."""
    file.seek(place)
    head = file.read(8)
    if size - place < 256 or len(head) < 8:
        return True
    name, length = struct.unpack("<4sI", head)
    return name.isascii() and name.decode("latin-1").isprintable() and place + length <= size


def _au_patches(file: BinaryIO, size: int) -> tuple[list[tuple[int, bytes]], int] | None:
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b".snd", b"dns.") or head[8:] != bytes(4):
        return None
    return [(8, b"\xff" * 4)], size - 24


def _copy(source: BinaryIO, kept: BinaryIO, path: str) -> None:
    size = 0
    try:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > LARGEST:
                raise AudioError("too_long", f"{path} gives more than {LARGEST >> 20} MiB; cut it into shorter files")
            while piece:  # a disk that is nearly full takes a part
                piece = piece[kept.write(piece) or 0 :]
        kept.seek(0)
    except OSError as error:
        raise AudioError("missing", f"cannot read {path}: {error.strerror}") from None
