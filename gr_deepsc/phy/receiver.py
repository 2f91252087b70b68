"""The streaming burst receiver: samples in pieces of any size in, bursts out."""

from collections.abc import Container, Iterator
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from . import budget, header
from .ambiguity import REACH, along_chirps
from .budget import SPARE, Budget
from .burst import Burst, Lost
from .demodulate import flat, has_echoes, header_through_echoes, pilots_evm, through_echoes
from .detect import HOP, Detection, Detector
from .frame import STRENGTH, Layout, deinterleave
from .legal import legal
from .polar import SHORT
from .preamble import CHIRP
from .pulse import SAMPLES_PER_SYMBOL
from .refine import refine
from .synchronise import MAX_PPM, NARROW, WIDE, Known, Sync, Window, carriers_of_echoes, header_hypotheses

# RMS error of the header's pilots, over their amplitude, below which a header is read with certainty: its code needs
# 10 dB less (docs/burst.md).
CERTAIN_EVM = 0.6
MARGIN = 64 + REACH  # samples before and behind a burst that its pulses and a wrong start may reach

_FIRST = Layout(1)
_HEADER_KNOWN = _FIRST.known[: _FIRST.down + CHIRP]

# Matrices of a few hundred rows: threads of BLAS gain nothing, and where GNU Radio keeps the cores busy they wait for
# each other a hundred times as long as they compute.
_one_thread = ThreadpoolController().wrap(limits=1, user_api="blas")


class BurstReceiver:
    """Finds and demodulates bursts in a stream of complex64 samples, 4 a symbol, at any level and carrier.

    What comes out depends on the stream, not on the pieces in which it is pushed; so does the work, which is bounded
    (`budget`). `overloads` counts the bursts that were not looked at or not demodulated for that reason.
    """

    def __init__(self, codecs: Container[int] = range(16)) -> None:
        """`codecs`: numbers in headers that are legal."""
        self._codecs = codecs
        self._start_stream(Budget())
        self.detected = self.header_errors = self.overloads = 0

    def _start_stream(self, left: Budget) -> None:
        self._budget = left
        self._detector = Detector()
        self._unread: np.ndarray = np.zeros(0, np.complex64)
        self._samples: np.ndarray = np.zeros(0, np.complex64)  # of the stream, from `_origin` on
        self._origin = 0
        self._detections: list[Detection] = []  # whose header is not in yet
        self._waiting: list[_Header] = []  # whose payload is not in yet

    @_one_thread
    def push(self, samples: np.ndarray) -> list[Burst | Lost]:
        """The bursts that these samples completed. NaN and infinity count as silence."""
        samples = np.asarray(samples, np.complex64)
        finite = np.isfinite(samples)
        if not finite.all():
            samples = np.where(finite, samples, 0)
        self._unread = np.concatenate([self._unread, samples])
        found = []
        while len(self._unread) >= HOP:  # always the same steps, so that the pieces leave no trace
            found += self._step(self._unread[:HOP])
            self._unread = self._unread[HOP:]
        return found

    @_one_thread
    def flush(self, skipping: bool = False) -> list[Burst | Lost]:
        """The stream has ended: what is still in it, truncated bursts included. Then a new stream may begin.

        `skipping`: it goes on somewhere later, and has earned no new budget.
        """
        found = self._step(self._unread)
        self._detections += self._detector.flush()
        found += self._advance(ended=True)
        self._start_stream(self._budget if skipping else Budget())
        return found

    def _step(self, samples: np.ndarray) -> list[Burst | Lost]:
        self._samples = np.concatenate([self._samples, samples])
        self._budget.earn(len(samples))
        self._detections += self._detector.push(samples)
        return self._advance(ended=False)

    def _advance(self, ended: bool) -> list[Burst | Lost]:
        end = self._origin + len(self._samples)
        found: list[Burst | Lost] = []
        while self._detections and (ended or _header_end(self._detections[0]) <= end):
            detection = self._detections.pop(0)
            outcome = self._read_header(detection)
            if isinstance(outcome, _Header):
                self._waiting.append(outcome)
            elif outcome is not None:
                found.append(outcome)
        for waiting in [w for w in self._waiting if ended or w.end <= end]:
            self._waiting.remove(waiting)
            found.append(self._demodulate(waiting))
        needed = [d.start for d in self._detections] + [w.detection.start for w in self._waiting]
        keep = int(min([self._detector.undecided, *needed])) - MARGIN
        if keep > self._origin:
            self._samples, self._origin = self._samples[keep - self._origin :], keep
        return found

    def _window(self, detection: Detection, symbols: float, drift: float = 0.0) -> Window:
        """The samples of the burst's first `symbols`, zeros where the stream has none, `drift` taken out."""
        first = int(detection.start) - MARGIN
        count = int(SAMPLES_PER_SYMBOL * symbols) + 2 * MARGIN
        samples = np.zeros(count, np.complex64)
        low, high = max(first, self._origin), min(first + count, self._origin + len(self._samples))
        if low < high:
            samples[low - first : high - first] = self._samples[low - self._origin : high - self._origin]
        return Window(samples, detection.start - first, detection.cfo, drift)

    def _read_header(self, detection: Detection) -> "_Header | Lost | None":
        error: header.HeaderError | None = None
        es_n0_db = -np.inf
        for hypothesis in self._hypotheses(detection):
            if hypothesis is None:
                return self._overload(detection, es_n0_db) if detection.sure else None
            place, sync, llrs, quality, certain = hypothesis
            try:
                head = legal(header.decode(llrs, SHORT if certain else header.TRIED), self._codecs)
            except header.HeaderError as failure:
                self._budget.spend(budget.DECODE if failure.tried else 0, -np.inf)
                error, es_n0_db = error or failure, max(es_n0_db, quality)
                if failure.error_type != "header_crc":  # it was read, and that is all
                    error = failure
                    break
                if certain:
                    break
                continue
            self.detected += 1
            return _Header(place, head, sync, quality)
        if error is None or not detection.sure:
            return None
        self.detected += 1
        self.header_errors += 1
        return Lost(error.error_type, str(error), detection.start, detection.cfo, es_n0_db)

    def _hypotheses(self, detection: Detection) -> Iterator["_Hypothesis | None"]:
        """What the header's bits may be worth, the likeliest first; None where there is no budget for the next.

        What may be noise is looked at in one place only; a burst, for echoes and where one chirp alone was heard, too.
        """
        known = Known(_HEADER_KNOWN)
        window_of = cache(partial(self._window, symbols=len(_HEADER_KNOWN)))

        def flat_channels(place: Detection, grid: tuple[np.ndarray, np.ndarray]) -> Iterator[_Hypothesis]:
            window = window_of(place)
            for sync, channel in header_hypotheses(window, known, _FIRST.header, grid):
                y = window.at(_FIRST.header, sync) / np.sqrt(STRENGTH)
                llrs = header.demap(y, channel.h, (channel.n0 + STRENGTH * channel.variance) / STRENGTH)
                evm = pilots_evm(window, _FIRST, _HEADER_KNOWN, sync, channel.h)
                yield _Hypothesis(place, sync, llrs, _decibels(channel.power / channel.n0), evm < CERTAIN_EVM)

        def affordable(units: float, spare: float) -> bool:
            return self._budget.spend(units, spare if detection.sure else SPARE)

        if not affordable(budget.NARROW, 0):
            yield None
            return
        yield from flat_channels(detection, NARROW)
        if not affordable(budget.WIDE, 0.5 * SPARE):
            yield None
            return
        yield from flat_channels(detection, WIDE)
        if not detection.sure:
            return
        if not affordable(budget.ECHOES, SPARE):
            yield None
            return
        for cfo in carriers_of_echoes(window_of(detection), known):
            place = detection._replace(cfo=detection.cfo + cfo)
            z, rho, es_n0 = header_through_echoes(window_of(place), _HEADER_KNOWN, _FIRST.header, STRENGTH)
            llrs = header.demap(z, rho, rho * (1 - rho))
            yield _Hypothesis(place, Sync(0.0, 0.0), llrs, _decibels(es_n0), False)
        if not affordable(budget.LINES, SPARE):
            yield None
            return
        for place in along_chirps(detection, known, window_of):
            yield from flat_channels(place, WIDE)

    def _overload(self, detection: Detection, es_n0_db: float) -> Lost:
        self.overloads += 1
        error = "more that looks like bursts came at once than is worked on; is somebody jamming?"
        return Lost("overload", error, detection.start, detection.cfo, es_n0_db)

    def _demodulate(self, waiting: "_Header") -> Burst | Lost:
        detection, layout = waiting.detection, waiting.layout
        there = self._origin + len(self._samples) - detection.start  # samples of the burst
        arrived = SAMPLES_PER_SYMBOL * np.arange(layout.end) < there
        if not arrived[layout.payload].any():
            error = "the stream ended before the burst's payload began"
            return Lost("truncated", error, detection.start, detection.cfo, waiting.es_n0_db)
        if not self._budget.spend(budget.BURST + budget.SYMBOL * layout.end):
            return self._overload(detection, waiting.es_n0_db)
        window_of = partial(self._window, detection, layout.end * (1 + 1e-6 * MAX_PPM))
        known = np.where(arrived, layout.with_header(header.encode(waiting.header)), 0)
        window, sync, channel = refine(window_of, known, waiting.sync, layout.payload)
        if has_echoes(window, known[: len(_HEADER_KNOWN)], sync):
            self._budget.spend(budget.ECHO_SYMBOL * layout.end + budget.ECHO_SQUARE * layout.end**2, -np.inf)
            payload = through_echoes(window, known, layout, sync)
        else:
            payload = flat(window, known, layout, sync, channel)
        arrived = arrived[layout.payload]
        z, rho = np.where(arrived, payload.z, 0), np.where(arrived, payload.rho, 0)
        return Burst(
            header=waiting.header,
            symbols=deinterleave(z.astype(np.complex64)),
            reliability=deinterleave(rho.astype(np.float32)),
            start=detection.start + SAMPLES_PER_SYMBOL * sync.time,
            samples=round(SAMPLES_PER_SYMBOL * (layout.end - 1) * (1 + 1e-6 * sync.ppm)),
            es_n0_db=_decibels(payload.es_n0),
            cfo=detection.cfo + sync.cfo,
            drift=sync.drift,
            clock_ppm=sync.ppm,
            evm=payload.evm,
            channel=payload.channel,
            received=float(np.mean(arrived)),
        )


class _Hypothesis(NamedTuple):
    """Where a burst may be, what then its header's bits are worth, and Es/N0 in dB."""

    place: Detection
    sync: Sync
    llrs: np.ndarray
    es_n0_db: float
    certain: bool  # pilots are received so well that the header would be read if it were one


class _Header:
    """A detection whose header was read."""

    def __init__(self, detection: Detection, head: header.Header, sync: Sync, es_n0_db: float):
        self.detection, self.header, self.sync, self.es_n0_db = detection, head, sync, es_n0_db
        self.layout = Layout(head.frames)
        self.end = detection.start + SAMPLES_PER_SYMBOL * self.layout.end * (1 + 1e-6 * MAX_PPM) + MARGIN


def _header_end(detection: Detection) -> float:
    return detection.start + SAMPLES_PER_SYMBOL * len(_HEADER_KNOWN) + MARGIN


def _decibels(ratio: float) -> float:
    return float(10 * np.log10(ratio))
