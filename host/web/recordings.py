"""What can be sent: the shipped samples, and what was uploaded, in a temporary folder."""

import asyncio
import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from gr_deepsc.speech import audio, recording

from ..files.transcripts import read_transcripts

LARGEST = 64 << 20  # bytes of an upload
SWALLOWED = 4 * LARGEST  # of a larger one before it is refused: whoever still sends does not hear the answer
KEPT = 256 << 20  # bytes of all uploads: the oldest go first
AT_ONCE = 4  # uploads that are received and decoded at a time; others wait
PATIENCE_S = 120.0  # that an upload may take


class Source(NamedTuple):
    """A recording that can be sent."""

    id: str  # of a sample its name, of an upload its hash: the same file has the same link
    name: str  # for people
    path: Path
    text: str = ""  # what is said in it, if it is known
    seconds: float = 0.0
    utterances: int = 1
    size: int = 0  # bytes


class TooLargeError(ValueError):
    """An upload of more than `LARGEST` bytes."""


class Recordings:
    """All of them. Of a request's words only keys of a dictionary are made, never paths."""

    def __init__(self, folder: Path) -> None:
        """`folder`: of the uploads; there already, empty."""
        self._folder, self._uploads = folder, OrderedDict[str, Source]()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.samples = {source.id: source for source in _samples()}

    def __getitem__(self, id: str) -> Source:
        """Raises KeyError where there is none, or none any more."""
        return self.samples.get(id) or self._uploads[id]

    async def take(self, body: AsyncIterator[bytes], name: str) -> Source:
        """Keep an upload that is a recording.

        Raises:
            TooLargeError, TimeoutError; AudioError, as of `recording.read`, that names `name`, not the file.
        """
        async with self._turn, asyncio.timeout(PATIENCE_S):
            with tempfile.NamedTemporaryFile(dir=self._folder) as file:
                digest, size = hashlib.sha256(), 0
                async for piece in body:
                    size += len(piece)
                    if size > SWALLOWED:
                        break
                    if size <= LARGEST:
                        digest.update(piece)
                        file.write(piece)
                if size > LARGEST:
                    raise TooLargeError
                file.flush()
                utterances, seconds = await asyncio.to_thread(_measure, Path(file.name), name)
                id = digest.hexdigest()[:20]
                path = self._folder / id
                path.unlink(missing_ok=True)
                path.hardlink_to(file.name)
        self._uploads[id] = source = Source(id, name, path, "", seconds, utterances, size)
        self._uploads.move_to_end(id)
        while len(self._uploads) > 1 and sum(each.size for each in self._uploads.values()) > KEPT:
            self._uploads.popitem(last=False)[1].path.unlink(missing_ok=True)
        return source


def read(source: Source) -> tuple[list, int]:
    """`recording.read`, whose errors have the recording's name."""
    try:
        return recording.read(source.path)
    except audio.AudioError as error:
        raise audio.AudioError(error.error_type, str(error).replace(str(source.path), source.name)) from None


def _measure(path: Path, name: str) -> tuple[int, float]:
    """Utterances and their seconds."""
    utterances, rate = read(Source("", name, path))
    return len(utterances), sum(map(len, utterances)) / rate


def _samples() -> list[Source]:
    folder = Path(str(resources.files("deepsc_samples")))
    texts = read_transcripts(str(folder / "transcripts.csv"))
    paths = sorted(folder.glob("*.flac"))
    return [Source(path.stem, path.name, path, texts[path.stem], _measure(path, path.name)[1]) for path in paths]
