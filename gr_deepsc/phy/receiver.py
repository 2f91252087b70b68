"""The streaming burst receiver: samples in pieces of any size in, bursts out."""

from collections.abc import Container, Iterator
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from . import budget, header
from .ambiguity import REACH, SOUGHT, along_chirps
from .budget import SPARE, Budget
from .burst import Burst, Lost
from .demodulate import flat, has_echoes, header_through_echoes, pilots_evm, through_echoes
from .detect import HOP, Detection, Detector
from .excise import Excisor
from .frame import STRENGTH, Layout, deinterleave
from .legal import legal
from .pilots import ECHOES, pilots_evidence
from .polar import SHORT
from .preamble import Preamble
from .pulse import SAMPLES_PER_SYMBOL
from .realign import realigned
from .refine import refine
from .synchronise import MAX_PPM, NARROW, WIDE, Known, Sync, Window, carriers_of_echoes, header_hypotheses

# RMS error of the header's pilots, over their amplitude, below which a header is read with certainty: its code needs
# 10 dB less (docs/burst.md).
CERTAIN_EVM = 0.6
# Log-likelihood ratio of pilots from which the best of the places along the chirps is one in 99 of 100 cases.
CERTAIN_LINE = np.log(SOUGHT / 0.01)
MARGIN = 64 + REACH  # samples before and behind a burst that its pulses and a wrong start may reach


class _Expected(NamedTuple):
    """What is known of a burst before its header was read."""

    layout: Layout  # up to the payload
    symbols: np.ndarray  # complex64 [layout.begin], 0 where unknown
    known: Known


@cache
def _expected(preamble: Preamble) -> _Expected:
    layout = Layout(1, preamble)
    symbols = layout.known[: layout.begin]
    return _Expected(layout, symbols, Known(symbols))


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
        self._excisor, self._detector = Excisor(), Detector()
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
        return self._take(self._excisor.push(samples))

    def _take(self, samples: np.ndarray) -> list[Burst | Lost]:
        self._unread = np.concatenate([self._unread, samples])
        found: list[Burst | Lost] = []
        while len(self._unread) >= HOP:  # always the same steps, so that the pieces leave no trace
            found += self._step(self._unread[:HOP])
            self._unread = self._unread[HOP:]
        return found

    @_one_thread
    def flush(self, skipping: bool = False) -> list[Burst | Lost]:
        """The stream has ended: what is still in it, truncated bursts included. Then a new stream may begin.

        `skipping`: it goes on somewhere later, and has earned no new budget.
        """
        found = self._take(self._excisor.flush())
        found += self._step(self._unread)
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
        ready = [detection for detection in self._detections if ended or _header_end(detection) <= end]
        for detection in sorted(ready, key=lambda detection: detection.start):
            self._detections.remove(detection)
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

    def _window(self, detection: Detection, symbols: float) -> Window:
        return Window(*self._cut(detection, symbols))

    def _cut(self, detection: Detection, symbols: float) -> tuple[np.ndarray, float, float]:
        """The samples of the burst's first `symbols`, zeros where the stream has none; as `Window` takes them."""
        first = int(detection.start) - MARGIN
        count = int(SAMPLES_PER_SYMBOL * symbols) + 2 * MARGIN
        samples = np.zeros(count, np.complex64)
        low, high = max(first, self._origin), min(first + count, self._origin + len(self._samples))
        if low < high:
            samples[low - first : high - first] = self._samples[low - self._origin : high - self._origin]
        if detection.inverted:
            samples = samples.conj()
        return samples, detection.start - first, detection.cfo

    def _read_header(self, detection: Detection) -> "_Header | Lost | None":
        error: header.HeaderError | None = None
        es_n0_db = -np.inf
        for hypothesis in self._hypotheses(detection):
            if hypothesis is None:
                return self._overload(detection, es_n0_db) if detection.sure else None
            place, sync, llrs, quality, certain, heard = hypothesis
            try:
                head = legal(header.decode(llrs, SHORT if certain else header.TRIED), self._codecs)
            except header.HeaderError as failure:
                self._budget.spend(budget.DECODE if failure.tried else 0, -np.inf)
                error, es_n0_db = error or (failure if heard else None), max(es_n0_db, quality)
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
        return Lost(error.error_type, str(error), detection.start, _carrier(detection, 0.0), es_n0_db)

    def _hypotheses(self, detection: Detection) -> Iterator["_Hypothesis | None"]:
        """What the header's bits may be worth, the likeliest first; None where there is no budget for the next.

        What may be noise is looked at in one place only; a burst, for echoes and where one chirp alone was heard, too,
        if its pilots leave hope.
        """
        layout, symbols, known = _expected(detection.preamble)
        window_of = cache(partial(self._window, symbols=layout.begin))

        def flat_channels(place: Detection, grid: tuple[np.ndarray, np.ndarray], heard: bool) -> Iterator[_Hypothesis]:
            window = window_of(place)
            for sync, channel in header_hypotheses(window, known, layout, grid):
                y = window.at(layout.header, sync) / np.sqrt(STRENGTH)
                llrs = header.demap(y, channel.h, (channel.n0 + STRENGTH * channel.variance) / STRENGTH)
                evm = pilots_evm(window, layout, symbols, sync, channel.h)
                es_n0_db = _decibels(channel.power / channel.n0)
                yield _Hypothesis(place, sync, llrs, es_n0_db, evm < CERTAIN_EVM, heard or evm < CERTAIN_EVM)

        def affordable(units: float, spare: float) -> bool:
            return self._budget.spend(units, spare if detection.sure else SPARE)

        if not affordable(budget.NARROW, 0):
            yield None
            return
        yield from flat_channels(detection, NARROW, False)
        if not affordable(budget.WIDE, 0.5 * SPARE):
            yield None
            return
        window = window_of(detection)
        # where the stream ends in the midst of a header, the chirps are all there is
        cut = self._origin + len(self._samples) < _header_end(detection) - MARGIN
        heard = cut or (detection.sure and pilots_evidence(window, known, layout, WIDE).speaks)
        yield from flat_channels(detection, WIDE, heard)
        if not detection.sure:
            return
        if not affordable(budget.ECHOES, SPARE):
            yield None
            return
        pilots = pilots_evidence(window, known, layout, ECHOES)
        if not pilots.hopeless:
            for cfo in carriers_of_echoes(window, known):
                place = detection._replace(cfo=detection.cfo + cfo)
                z, rho, es_n0 = header_through_echoes(window_of(place), symbols, layout.header, STRENGTH)
                llrs = header.demap(z, rho, rho * (1 - rho))
                yield _Hypothesis(place, Sync(0.0, 0.0), llrs, _decibels(es_n0), False, pilots.speaks)
        if not affordable(budget.LINES, SPARE):
            yield None
            return
        for place in along_chirps(detection, known, window_of):
            pilots = pilots_evidence(window_of(place), known, layout, NARROW)
            if not pilots.hopeless:  # the pilots chose the place
                yield from flat_channels(place, WIDE, max(pilots) > CERTAIN_LINE)

    def _overload(self, detection: Detection, es_n0_db: float) -> Lost:
        self.overloads += 1
        error = "more that looks like bursts came at once than is worked on; is somebody jamming?"
        return Lost("overload", error, detection.start, _carrier(detection, 0.0), es_n0_db)

    def _demodulate(self, waiting: "_Header") -> Burst | Lost:
        detection, layout = waiting.detection, waiting.layout
        there = self._origin + len(self._samples) - detection.start  # samples of the burst
        arrived = SAMPLES_PER_SYMBOL * np.arange(layout.end) < there
        if not arrived[layout.payload].any():
            error = "the stream ended before the burst's payload began"
            return Lost("truncated", error, detection.start, _carrier(detection, 0.0), waiting.es_n0_db)
        if not self._budget.spend(budget.BURST + budget.SYMBOL * layout.end):
            return self._overload(detection, waiting.es_n0_db)
        samples, start, cfo = self._cut(detection, layout.end * (1 + 1e-6 * MAX_PPM))
        known = layout.with_header(header.encode(waiting.header, layout.preamble))
        search = partial(self._budget.spend, budget.LOSS_SYMBOL * layout.end, SPARE)
        samples, losses = realigned(samples, start, cfo, known, layout, waiting.sync, waiting.es_n0_db, search)
        lost = sum(loss.samples for loss in losses)
        arrived = SAMPLES_PER_SYMBOL * np.arange(layout.end) < there + lost
        received = float(np.mean(arrived[layout.payload]))
        for loss in losses:
            arrived[loss.before + 1 : loss.behind] = False
        known = np.where(arrived, known, 0)
        window, sync, channel = refine(partial(Window, samples, start, cfo), known, waiting.sync, layout)
        if has_echoes(window, known[: layout.begin], sync):
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
            samples=round(SAMPLES_PER_SYMBOL * (layout.end - 1) * (1 + 1e-6 * sync.ppm)) - lost,
            es_n0_db=_decibels(payload.es_n0),
            cfo=_carrier(detection, sync.cfo + sync.drift * layout.end / 2),
            drift=-sync.drift if detection.inverted else sync.drift,
            clock_ppm=sync.ppm,
            evm=payload.evm,
            channel=payload.channel,
            received=received,
            realigned=lost,
            preamble=layout.preamble,
            inverted=detection.inverted,
        )


class _Hypothesis(NamedTuple):
    """Where a burst may be, what then its header's bits are worth, and Es/N0 in dB."""

    place: Detection
    sync: Sync
    llrs: np.ndarray
    es_n0_db: float
    certain: bool  # pilots are received so well that the header would be read if it were one
    heard: bool  # the pilots speak for a burst


class _Header:
    """A detection whose header was read."""

    def __init__(self, detection: Detection, head: header.Header, sync: Sync, es_n0_db: float):
        self.detection, self.header, self.sync, self.es_n0_db = detection, head, sync, es_n0_db
        self.layout = Layout(head.frames, detection.preamble)
        self.end = detection.start + SAMPLES_PER_SYMBOL * self.layout.end * (1 + 1e-6 * MAX_PPM) + MARGIN


def _carrier(detection: Detection, further: float) -> float:
    """The carrier offset of the samples as they came, cycles a symbol: `further` than the detection's."""
    return (detection.cfo + further) * (-1 if detection.inverted else 1)


def _header_end(detection: Detection) -> float:
    return detection.start + SAMPLES_PER_SYMBOL * _expected(detection.preamble).layout.begin + MARGIN


def _decibels(ratio: float) -> float:
    return float(10 * np.log10(max(ratio, 1e-30)))
