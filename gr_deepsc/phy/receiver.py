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
from .frame import STRENGTH, Layout, deinterleave
from .pilots import ECHOES, LEAST, pilots_evidence
from .preamble import CHIRP
from .pulse import SAMPLES_PER_SYMBOL
from .refine import refine
from .synchronise import MAX_PPM, MIDDLE, NARROW, WIDE, Known, Sync, Window, carriers_of_echoes, header_hypotheses

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
    def flush(self) -> list[Burst | Lost]:
        """The stream has ended: what is still in it, truncated bursts included. Then a new stream may begin."""
        found = self._step(self._unread)
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
        for place, sync, llrs, quality, heard in self._hypotheses(detection):
            try:
                head = header.decode(llrs)
            except header.HeaderError as failure:
                error, es_n0_db = error or (failure if heard else None), max(es_n0_db, quality)
                continue
            self.detected += 1
            return _Header(place, head, sync, quality)
        if error is None or not detection.sure:
            return None
        self.detected += 1
        self.header_errors += 1
        return Lost(error.error_type, str(error), detection.start, detection.cfo, es_n0_db)

    def _hypotheses(self, detection: Detection) -> Iterator[tuple[Detection, Sync, np.ndarray, float, bool]]:
        """What the header's bits may be worth, the likeliest first, the Es/N0 with it, and whether its pilots speak.

        What may be noise is looked at in one place only; a burst, for echoes and where one chirp alone was heard, too,
        if its pilots leave hope.
        """
        known = Known(_HEADER_KNOWN)
        window_of = partial(self._window, symbols=len(_HEADER_KNOWN))

        def flat_channels(place: Detection, grid: tuple[np.ndarray, np.ndarray], heard: bool) -> Iterator[tuple]:
            window = window_of(place)
            for sync, channel in header_hypotheses(window, known, _FIRST.header, grid):
                y = window.at(_FIRST.header, sync) / np.sqrt(STRENGTH)
                llrs = header.demap(y, channel.h, (channel.n0 + STRENGTH * channel.variance) / STRENGTH)
                yield place, sync, llrs, _decibels(channel.power / channel.n0), heard

        yield from flat_channels(detection, NARROW, False)
        window = window_of(detection)
        heard = detection.sure and pilots_evidence(window, known, WIDE).speaks
        yield from flat_channels(detection, WIDE, heard)
        if not detection.sure:
            return
        pilots = pilots_evidence(window, known, ECHOES)
        if not pilots.hopeless:
            for cfo in carriers_of_echoes(window, known):
                place = detection._replace(cfo=detection.cfo + cfo)
                z, rho, es_n0 = header_through_echoes(window_of(place), _HEADER_KNOWN, _FIRST.header, STRENGTH)
                yield place, Sync(0.0, 0.0), header.demap(z, rho, rho * (1 - rho)), _decibels(es_n0), pilots.speaks
        for place in along_chirps(detection, known, window_of):
            pilots = pilots_evidence(window_of(place), known, NARROW)
            if not pilots.hopeless:  # the pilots chose the place
                yield from flat_channels(place, WIDE, max(pilots) > LEAST)

    def _demodulate(self, waiting: "_Header") -> Burst | Lost:
        detection, layout = waiting.detection, waiting.layout
        there = self._origin + len(self._samples) - detection.start  # samples of the burst
        arrived = SAMPLES_PER_SYMBOL * np.arange(layout.end) < there
        if not arrived[layout.payload].any():
            error = "the stream ended before the burst's payload began"
            return Lost("truncated", error, detection.start, detection.cfo, waiting.es_n0_db)
        window_of = partial(self._window, detection, layout.end * (1 + 1e-6 * MAX_PPM))
        known = np.where(arrived, layout.with_header(header.encode(waiting.header)), 0)
        window, sync, channel = refine(window_of, known, waiting.sync, layout.payload)
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
            samples=round(SAMPLES_PER_SYMBOL * (layout.end - 1) * (1 + 1e-6 * sync.ppm)),
            es_n0_db=_decibels(payload.es_n0),
            cfo=detection.cfo + sync.cfo + sync.drift * (layout.end / 2 - MIDDLE),
            drift=sync.drift,
            clock_ppm=sync.ppm,
            evm=payload.evm,
            channel=payload.channel,
            received=float(np.mean(arrived)),
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
