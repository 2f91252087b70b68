"""A detection's header: where the burst may be, the likeliest first, until one of its headers fits its CRC."""

from collections.abc import Callable, Container, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from . import budget, header
from .ambiguity import SOUGHT, along_chirps
from .budget import SPARE, Budget
from .demodulate import header_through_echoes, pilots_evm
from .detect import Detection
from .frame import STRENGTH, Layout
from .header import Header, HeaderError
from .legal import legal
from .pilots import ECHOES, Evidence, pilots_evidence
from .polar import SHORT
from .preamble import Preamble
from .synchronise import NARROW, WIDE, Known, Sync, Window, carriers_of_echoes, header_hypotheses

# RMS error of the header's pilots, over their amplitude, below which a header is read with certainty: its code needs
# 10 dB less (docs/burst.md).
CERTAIN_EVM = 0.6
# Log-likelihood ratio of pilots by which one chirp alone belongs to a burst in 99 of 100 cases, wherever on its lines.
CERTAIN = np.log(SOUGHT / 0.01)
OVERLOAD = "more came at once that looks like bursts than is worked on: is it jamming?"


class Found(NamedTuple):
    """A header that was read."""

    place: Detection
    header: Header
    sync: Sync
    es_n0_db: float


class Unread(NamedTuple):
    """A burst for certain, of which nothing can be decoded. `error_type` as of `HeaderError`, or overload."""

    error_type: str
    error: str
    es_n0_db: float


class Expected(NamedTuple):
    """What is known of a burst before its header was read."""

    layout: Layout  # up to the payload
    symbols: np.ndarray  # complex64 [layout.begin], 0 where unknown
    known: Known


@cache
def expected(preamble: Preamble) -> Expected:
    """Of bursts with this preamble."""
    layout = Layout(1, preamble)
    symbols = layout.known[: layout.begin]
    return Expected(layout, symbols, Known(symbols))


def seek(
    detection: Detection, window_of: Callable[[Detection], Window], left: Budget, codecs: Container[int]
) -> Found | Unread | None:
    """What the header of a detection says; None where it may be noise.

    Args:
        window_of: the samples of chirps and header about another start.
        left: what the search may cost.
        codecs: numbers in headers that are legal.
    """
    search = _Search(detection, window_of, left)
    error, heard, es_n0_db = None, False, -np.inf
    for hypothesis in search:
        try:
            head = legal(header.decode(hypothesis.llrs, SHORT if hypothesis.certain else header.TRIED), codecs)
        except HeaderError as failure:
            left.spend(budget.DECODE if failure.tried else 0, -np.inf)
            error, heard = failure, heard or hypothesis.heard
            es_n0_db = max(es_n0_db, hypothesis.es_n0_db)
            if failure.error_type != "header_crc" or hypothesis.certain:  # it was read; it would have been
                break
        else:
            return Found(hypothesis.place, head, hypothesis.sync, hypothesis.es_n0_db)
    if not detection.sure:
        return None
    if search.given_up and detection.both:
        return Unread("overload", OVERLOAD, es_n0_db)
    if search.given_up or error is None or (error.error_type == "header_crc" and not (heard or search.heard())):
        return None
    return Unread(error.error_type, str(error), es_n0_db)


class _Hypothesis(NamedTuple):
    """Where a burst may be, what then its header's bits are worth, and Es/N0 in dB."""

    place: Detection
    sync: Sync
    llrs: np.ndarray
    es_n0_db: float
    certain: bool = False  # pilots are received so well that the header would be read if it were one
    heard: bool = False  # the pilots speak for a burst, whether its header can be read or not


class _Search:
    """Hypotheses about a detection.

    What may be noise is looked at in one place only; a burst, for echoes and where one chirp alone was heard, too,
    if its pilots leave hope.

    Attributes:
        given_up: there was no budget for the next.
    """

    def __init__(self, detection: Detection, window_of: Callable[[Detection], Window], left: Budget) -> None:
        self._detection, self._window_of, self._left = detection, cache(window_of), left
        self._expected = expected(detection.preamble)
        self.given_up = False

    def __iter__(self) -> Iterator[_Hypothesis]:
        for units, spare, hypotheses in (
            (budget.NARROW, 0.0, self._near),
            (budget.WIDE, 0.5 * SPARE, self._farther),
            (budget.ECHOES, SPARE, self._through_echoes),
            (budget.LINES, SPARE, self._by_one_chirp),
        ):
            sure = self._detection.sure
            if not sure and hypotheses in (self._through_echoes, self._by_one_chirp):
                return
            if not self._left.spend(units, spare if sure else SPARE):
                self.given_up = True
                return
            yield from hypotheses()

    def heard(self) -> bool:
        """Whether the pilots speak for a burst about the detection."""
        return self._speak(self._pilots(self._detection, WIDE))

    def _near(self) -> Iterator[_Hypothesis]:
        return self._flat(self._detection, NARROW)

    def _farther(self) -> Iterator[_Hypothesis]:
        return self._flat(self._detection, WIDE)

    def _through_echoes(self) -> Iterator[_Hypothesis]:
        pilots = self._pilots(self._detection, ECHOES)
        if pilots.hopeless:
            return
        layout, symbols, known = self._expected
        for cfo in carriers_of_echoes(self._window_of(self._detection), known):
            place = self._detection._replace(cfo=self._detection.cfo + cfo)
            z, rho, es_n0 = header_through_echoes(self._window_of(place), symbols, layout.header, STRENGTH)
            llrs = header.demap(z, rho, rho * (1 - rho))
            yield _Hypothesis(place, Sync(0.0, 0.0), llrs, decibels(es_n0), heard=self._speak(pilots))

    def _by_one_chirp(self) -> Iterator[_Hypothesis]:
        for place in along_chirps(self._detection, self._expected.known, self._window_of):
            pilots = self._pilots(place, NARROW)
            if not pilots.hopeless:  # the pilots chose the place
                yield from self._flat(place, WIDE, heard=max(pilots) > CERTAIN)

    def _flat(
        self, place: Detection, grid: tuple[np.ndarray, np.ndarray], heard: bool = False
    ) -> Iterator[_Hypothesis]:
        """Channels without echoes."""
        layout, symbols, known = self._expected
        window = self._window_of(place)
        for sync, channel in header_hypotheses(window, known, layout, grid):
            y = window.at(layout.header, sync) / np.sqrt(STRENGTH)
            llrs = header.demap(y, channel.h, (channel.n0 + STRENGTH * channel.variance) / STRENGTH)
            certain = pilots_evm(window, layout, symbols, sync, channel.h) < CERTAIN_EVM
            yield _Hypothesis(place, sync, llrs, decibels(channel.power / channel.n0), certain, heard)

    def _pilots(self, place: Detection, grid: tuple[np.ndarray, np.ndarray]) -> Evidence:
        return pilots_evidence(self._window_of(place), self._expected.known, self._expected.layout, grid)

    def _speak(self, pilots: Evidence) -> bool:
        """One chirp alone is half of any burst that was sent."""
        return pilots.speaks if self._detection.both else max(pilots) > CERTAIN


def decibels(ratio: float) -> float:
    """Of a power ratio; -300 dB of none."""
    return float(10 * np.log10(max(ratio, 1e-30)))
