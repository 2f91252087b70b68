"""What an experiment is, and what it is given."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..corpus import test_set
from ..run import Runner
from ..system import Recording
from ..systems import PAPERS
from ..work import Point

NOWHERE = Point("none", math.inf)  # where a reference is measured
PUBLIC = "librispeech_test_clean"  # folder of the public benchmark, which is a test set of its own
# What the names of the networks begin with that the systems use, and those that speak.
READING = ("default/", "reader/", "contextual/", "language/", "deepsc_text/")
SPEAKING = (*READING, "voice/acoustic", "voice/vocoder")
SPOKEN = tuple(name for name in PAPERS if name not in ("speech", "text", "feature"))  # of their two readings the better


@dataclass(frozen=True)
class Size:
    """How much is measured: recordings (None for all there are), and Es/N0 in dB."""

    utterances: int | None
    es_n0_db: tuple[float, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What a person chose for a run."""

    runner: Runner
    out: Path
    size: str  # quick, default or full
    systems: tuple[str, ...]
    channels: tuple[str, ...]
    corpora: tuple[Path, ...] = ()
    utterances: int | None = None  # instead of the size's
    es_n0_db: tuple[float, ...] = ()  # instead of the size's

    def points(self, size: Size) -> list[Point]:
        """Every channel at every Es/N0."""
        return [Point(kind, snr) for kind in self.channels for snr in self.es_n0_db or size.es_n0_db]

    def speech(self, size: Size) -> list[Recording]:
        """The test recordings, without the public benchmark's."""
        folders = [folder for folder in self.corpora if folder.name != PUBLIC]
        return test_set(folders, self.utterances or size.utterances)


@dataclass(frozen=True)
class Outcome:
    """Rows of the CSV, keys of the recordings, CPU seconds, and what to print of them.

    `rows` are the same whoever measured them; `costs` never are.
    """

    rows: list[dict]
    utterances: list[str]
    costs: list[dict]
    summary: str = ""


@dataclass(frozen=True)
class Experiment:
    """`run` measures; `draw(rows, path)` makes the figure; `systems` are compared where nobody chose others.

    What is measured is out of date when one of the networks changes whose names begin with one of `networks`.
    """

    title: str
    run: Callable[[Setting], Outcome]
    draw: Callable[[Sequence[dict], Path], None] | None = None
    systems: tuple[str, ...] = PAPERS
    networks: tuple[str, ...] = READING


def field(value: object) -> object:
    """A figure as it stands in a CSV: four decimals, nothing for NaN."""
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.4f}"
