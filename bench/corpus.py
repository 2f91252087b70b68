"""The recordings that are tested on: the test splits of corpora, or the three that come with the sources."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from deepsc_export.data import corpora

import gr_deepsc
from gr_deepsc.speech import audio

from .errors import BenchError
from .system import Recording

# in a checkout; an installed package has none
SAMPLES = Path(gr_deepsc.__file__).parent.parent / "tests" / "samples"


def number(utterance: Recording) -> int:
    """`Air.seq` of a recording: it follows from its key, so that no choice of others changes its channel."""
    return zlib.crc32(utterance.key.encode()) >> 1


def digest(utterance: Recording) -> int:
    """Tells another recording or transcript of the same key apart."""
    return zlib.crc32(utterance.samples.tobytes(), zlib.crc32(utterance.text.encode()))


def test_set(folders: Sequence[str | Path], count: int | None) -> list[Recording]:
    """`count` test recordings, as many of each corpus as there are and evenly spread over it; None for all.

    Args:
        folders: each as `deepsc_export.data.corpora` reads it; none at all means the checkout's own samples.

    Raises:
        BenchError: no test recordings, or a corpus that cannot be read.
    """
    sources = [_test_split(folder) for folder in folders] if folders else [_samples()]
    total = sum(map(len, sources))
    chosen = [source[i] for source, n in zip(sources, _shares(sources, count or total), strict=True)
              for i in np.linspace(0, len(source) - 1, n).round().astype(int)]  # fmt: skip
    if len({key for key, _, _ in chosen}) < len(chosen):
        raise BenchError("two corpora have the same folder name: rename one, as items are kept by it")
    return [Recording(key, recording(path), text) for key, path, text in chosen]


def _shares(sources: list[list], count: int) -> list[int]:
    """How many of each source: equal, as far as the sources reach."""
    shares = [0] * len(sources)
    for _ in range(min(count, sum(map(len, sources)))):
        open_ones = [i for i, source in enumerate(sources) if shares[i] < len(source)]
        shares[min(open_ones, key=lambda i: shares[i])] += 1
    return shares


def _test_split(folder: str | Path) -> list[tuple[str, Path, str]]:
    try:
        found = [(u.key, u.path, u.text) for u in corpora.load(folder) if u.split == "test"]
    except corpora.CorpusError as error:
        raise BenchError(str(error)) from None
    if not found:
        raise BenchError(f"{folder}: no recording of it belongs to a test split")
    return sorted(found)


def _samples() -> list[tuple[str, Path, str]]:
    transcripts = SAMPLES / "transcripts.csv"
    if not transcripts.is_file():
        raise BenchError("no recordings to test on: name folders of corpora by --corpus (docs/bench.md)")
    rows = [line.split("|") for line in transcripts.read_text(encoding="utf-8").splitlines()]
    return [(f"samples/{name}", SAMPLES / f"{name}.flac", text) for name, text in rows]


def recording(path: Path) -> np.ndarray:
    """float32 [samples] at 16 kHz of a file.

    Raises:
        BenchError: it cannot be read, or is not what the transmitter takes.
    """
    try:
        return audio.check(*audio.read(path))
    except audio.AudioError as error:
        raise BenchError(f"{path}: {error}") from None
