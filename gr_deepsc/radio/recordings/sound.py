"""Sound files that libsndfile reads: FLAC, MP3, Opus and Vorbis in Ogg, AIFF, W64, coded wav."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..iqfile.common import IqFileError
from ..iqfile.samples import Blemishes, finite
from .recording import Channels

MAGIC = (b"fLaC", b"OggS", b"ID3", b"FORM", b"riff", b"caff", b".snd", b"NIST", b"Crea")
BLOCK = 4096  # samples that are decoded at a time: so few are lost where a file is broken
COUNTED = 1 << 40  # samples; what claims to be longer does not know its length


def is_sound(head: bytes) -> bool:
    """Whether a file that begins with these bytes is one; MP3 may begin with its frames as well."""
    return head.startswith(MAGIC)


def read(path: str, blemishes: Blemishes) -> tuple[Channels, int | None]:
    """The channels of a sound file, and samples of each, if it says.

    Raises:
        IqFileError: unreadable.
    """
    with _opened(path) as file:
        rate, channels, count = file.samplerate, file.channels, file.frames

    def blocks(size: int) -> Iterator[np.ndarray]:
        held: list[np.ndarray] = []
        with _opened(path) as file:
            for block in _decoded(file, path, blemishes):
                held.append(block)
                if sum(map(len, held)) >= size:
                    joined = np.concatenate(held)
                    whole = len(joined) // size * size
                    yield from joined[:whole].reshape(-1, size, channels)
                    held = [joined[whole:]]
        if held and len(rest := np.concatenate(held)):
            yield rest

    return Channels(blocks, channels, rate), count if 0 < count < COUNTED else None


def _decoded(file: Any, path: str, blemishes: Blemishes) -> Iterator[np.ndarray]:
    """float32 [n, channels], as far as the file can be decoded."""
    import soundfile

    done = 0
    while True:
        try:
            block = file.read(BLOCK, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            text = getattr(error, "error_string", str(error)).rstrip(".")
            blemishes.add(f"{path} is broken behind {done / file.samplerate:.2f} s ({text}); read up to there")
            return
        if not len(block):
            if done < file.frames < COUNTED:
                blemishes.add(f"{path} was cut: {done} of {file.frames} samples are there")
            return
        yield finite(block, done, path, blemishes)
        done += len(block)


def _opened(path: str) -> Any:
    import soundfile  # here, so that whoever reads SigMF needs no libsndfile

    try:
        return soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        text = getattr(error, "error_string", str(error)).rstrip(".")
        raise IqFileError("unreadable", f"cannot read {path}: {text}") from None
