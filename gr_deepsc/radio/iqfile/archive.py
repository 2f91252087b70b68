"""SigMF archives: a recording's two files, or those of several, in one tar file."""

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from .common import IqFileError
from .samples import Blemishes, Source, unreadable

COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")


def is_archive(path: Path, head: bytes) -> bool:
    """Whether a file that begins with `head`, 512 bytes, is a tar file; a compressed one only by SigMF's ending."""
    return head[257:262] == b"ustar" or (".sigmf" in path.suffixes and (head.startswith(COMPRESSED) or len(head) < 512))


def open_archive(path: Path, blemishes: Blemishes) -> tuple[Source, dict[str, Source]]:
    """The metadata of an archive's first recording, and the files beside it by their names.

    Raises:
        IqFileError: unreadable, or bad_metadata where there is no recording in it.
    """
    members: list[tarfile.TarInfo] = []
    try:
        with _reading(path), tarfile.open(path) as archive:
            for member in archive:
                members.append(member)
    except IqFileError as error:
        if not members:
            raise
        blemishes.add(f"{error}; read as far as it goes")
    members = [member for member in members if member.isfile()]
    metas = [member for member in members if member.name.endswith(".sigmf-meta")]
    if not metas:
        raise IqFileError("bad_metadata", f"{path} is an archive without a .sigmf-meta; is it a SigMF archive?")
    if len(metas) > 1:
        others = ", ".join(Path(each.name).name for each in metas[1:4])
        blemishes.add(f"{path} has {len(metas)} recordings, this is the first; unpack the others with tar: {others}")
    folder = Path(metas[0].name).parent
    beside = {Path(each.name).name: _source(path, each) for each in members if Path(each.name).parent == folder}
    return _source(path, metas[0]), beside


def _source(path: Path, member: tarfile.TarInfo) -> Source:
    return Source(f"{path}/{member.name}", member.size, lambda: _opened(path, member))


@contextmanager
def _opened(path: Path, member: tarfile.TarInfo) -> Iterator[IO[bytes]]:
    with _reading(path), tarfile.open(path) as archive, cast(IO[bytes], archive.extractfile(member)) as file:
        yield file


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever a broken archive raises, as an IqFileError."""
    try:
        yield
    except IqFileError:
        raise
    except OSError as error:
        raise unreadable(str(path), error) from None
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise IqFileError("unreadable", f"{path} is a broken archive ({type(error).__name__}); copy it again") from None
