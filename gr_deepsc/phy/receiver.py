"""The streaming burst receiver: samples in pieces of any size in, bursts out."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from threadpoolctl import ThreadpoolController

from . import header
from .ambiguity import REACH, along_chirps
from .burst import Burst, Lost
from .demodulate import flat, has_echoes, header_through_echoes, through_echoes
from .detect import HOP, Detection, Detector
from .excise import Excisor
from .frame import STRENGTH, Layout, deinterleave
from .preamble import CHIRP
from .pulse import SAMPLES_PER_SYMBOL
from .realign import realigned
from .synchronise import MAX_PPM, NARROW, WIDE, Known, Sync, Window, carriers_of_echoes, header_hypotheses, refine

MARGIN = 64 + REACH  # samples before and behind a burst that its pulses and a wrong start may reach

_FIRST = Layout(1)
_HEADER_KNOWN = _FIRST.known[: _FIRST.down + CHIRP]

# Matrices of a few hundred rows: threads of BLAS gain nothing, and where GNU Radio keeps the cores busy they wait for
# each other a hundred times as long as they compute.
_one_thread = ThreadpoolController().wrap(limits=1, user_api="blas")


class BurstReceiver:
    """Finds and demodulates bursts in a stream of complex64 samples, 4 a symbol, at any level and carrier.

    What comes out depends on the stream, not on the pieces in which it is pushed.
    """

    def __init__(self) -> None:
        self._start_stream()
        self.detected = self.header_errors = 0

    def _start_stream(self) -> None:
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
    def flush(self) -> list[Burst | Lost]:
        """The stream has ended: what is still in it, truncated bursts included. Then a new stream may begin."""
        found = self._take(self._excisor.flush())
        found += self._step(self._unread)
        self._detections += self._detector.flush()
        found += self._advance(ended=True)
        self._start_stream()
        return found

    def _step(self, samples: np.ndarray) -> list[Burst | Lost]:
        self._samples = np.concatenate([self._samples, samples])
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
        return samples, detection.start - first, detection.cfo

    def _read_header(self, detection: Detection) -> "_Header | Lost | None":
        error: header.HeaderError | None = None
        es_n0_db = -np.inf
        for place, sync, llrs, quality in self._hypotheses(detection):
            try:
                head = header.decode(llrs)
            except header.HeaderError as failure:
                error, es_n0_db = error or failure, max(es_n0_db, quality)
                continue
            self.detected += 1
            return _Header(place, head, sync, quality)
        if error is None or not detection.sure:
            return None
        self.detected += 1
        self.header_errors += 1
        return Lost(error.error_type, str(error), detection.start, detection.cfo, es_n0_db)

    def _hypotheses(self, detection: Detection) -> Iterator[tuple[Detection, Sync, np.ndarray, float]]:
        """What the header's bits may be worth, the likeliest first, and the Es/N0 with it.

        What may be noise is looked at in one place only; a burst, for echoes and where one chirp alone was heard, too.
        """
        known = Known(_HEADER_KNOWN)
        window_of = partial(self._window, symbols=len(_HEADER_KNOWN))

        def flat_channels(place: Detection, grid: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple]:
            window = window_of(place)
            for sync, channel in header_hypotheses(window, known, _FIRST.header, grid):
                y = window.at(_FIRST.header, sync) / np.sqrt(STRENGTH)
                llrs = header.demap(y, channel.h, (channel.n0 + STRENGTH * channel.variance) / STRENGTH)
                yield place, sync, llrs, _decibels(channel.power / channel.n0)

        yield from flat_channels(detection, NARROW)
        yield from flat_channels(detection, WIDE)
        if not detection.sure:
            return
        for cfo in carriers_of_echoes(window_of(detection), known):
            place = detection._replace(cfo=detection.cfo + cfo)
            z, rho, es_n0 = header_through_echoes(window_of(place), _HEADER_KNOWN, _FIRST.header, STRENGTH)
            yield place, Sync(0.0, 0.0), header.demap(z, rho, rho * (1 - rho)), _decibels(es_n0)
        for place in along_chirps(detection, known, window_of):
            yield from flat_channels(place, WIDE)

    def _demodulate(self, waiting: "_Header") -> Burst | Lost:
        detection, layout = waiting.detection, waiting.layout
        there = self._origin + len(self._samples) - detection.start  # samples of the burst
        arrived = SAMPLES_PER_SYMBOL * np.arange(layout.end) < there
        if not arrived[layout.payload].any():
            error = "the stream ended before the burst's payload began"
            return Lost("truncated", error, detection.start, detection.cfo, waiting.es_n0_db)
        cut = self._cut(detection, layout.end * (1 + 1e-6 * MAX_PPM))
        known = layout.with_header(header.encode(waiting.header))
        window, losses = realigned(*cut, known, layout, waiting.sync, waiting.es_n0_db)
        lost = sum(loss.samples for loss in losses)
        arrived = SAMPLES_PER_SYMBOL * np.arange(layout.end) < there + lost
        received = float(np.mean(arrived[layout.payload]))
        for loss in losses:
            arrived[loss.before + 1 : loss.behind] = False
        known = np.where(arrived, known, 0)
        sync, channel = refine(window, known, waiting.sync, layout.payload)
        if has_echoes(window, known[: len(_HEADER_KNOWN)], sync):
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
            cfo=detection.cfo + sync.cfo,
            clock_ppm=sync.ppm,
            evm=payload.evm,
            channel=payload.channel,
            received=received,
            realigned=lost,
        )


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
