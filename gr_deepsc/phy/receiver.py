"""The streaming burst receiver: samples in pieces of any size in, bursts out."""

from collections.abc import Callable, Container, Sequence
from functools import cache, partial

import numpy as np
from threadpoolctl import ThreadpoolController

from . import budget, header
from .ambiguity import REACH
from .budget import SPARE, Budget
from .burst import Burst, Lost
from .demodulate import flat, has_echoes, through_echoes
from .detect import HOP, Detection, Detector
from .excise import Excisor
from .frame import Layout, deinterleave
from .preamble import LONG
from .pulse import SAMPLES_PER_SYMBOL
from .realign import Loss, realigned
from .refine import refine
from .seek import OVERLOAD, Found, decibels, expected, seek
from .synchronise import MAX_PPM, Window

LONGEST_SPACING = SAMPLES_PER_SYMBOL * expected(LONG).layout.down  # from chirp to chirp
_TOLERANCE = REACH + 2 * SAMPLES_PER_SYMBOL  # samples that a carrier moves one chirp alone, and noise the other
MARGIN = 64 + REACH  # samples before and behind a burst that its pulses and a wrong start may reach


# Matrices of a few hundred rows: threads of BLAS gain nothing, and where GNU Radio keeps the cores busy they wait for
# each other a hundred times as long as they compute.
_one_thread = ThreadpoolController().wrap(limits=1, user_api="blas")


class BurstReceiver:
    """Finds and demodulates bursts in a stream of complex64 samples, 4 a symbol, at any level and carrier.

    What comes out depends on the stream, not on the pieces in which it is pushed; so does the work, which is bounded
    (`budget`). `overloads` counts the bursts that were not looked at or not demodulated for that reason.
    """

    def __init__(self, codecs: Container[int] = range(16), symbol_rate: float = 50_000.0) -> None:
        """`codecs`: numbers in headers that are legal; `symbol_rate` in hertz: it says how much work there may be."""
        self._codecs, self._symbol_rate = codecs, symbol_rate
        self._start_stream(Budget(symbol_rate))
        self.detected = self.header_errors = self.overloads = 0

    def _start_stream(self, left: Budget) -> None:
        self._budget = left
        self._excisor, self._detector = Excisor(), Detector()
        self._unread: np.ndarray = np.zeros(0, np.complex64)
        self._samples: np.ndarray = np.zeros(0, np.complex64)  # of the stream, from `_origin` on
        self._origin = 0
        self._detections: list[Detection] = []  # whose header is not in yet
        self._whole: list[Detection] = []  # those of the last time of which both chirps were heard
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
        self._add(self._detector.flush())
        found += self._advance(ended=True)
        self._start_stream(self._budget if skipping else Budget(self._symbol_rate))
        return found

    def _step(self, samples: np.ndarray) -> list[Burst | Lost]:
        self._samples = np.concatenate([self._samples, samples])
        self._budget.earn(len(samples))
        self._add(self._detector.push(samples))
        return self._advance(ended=False)

    def _add(self, detections: list[Detection]) -> None:
        self._detections += detections
        recent = [each for each in self._whole if each.start > self._origin - LONGEST_SPACING - _TOLERANCE]
        self._whole = recent + [each for each in detections if each.both]

    def _advance(self, ended: bool) -> list[Burst | Lost]:
        end = self._origin + len(self._samples)
        found: list[Burst | Lost] = []
        ready = [detection for detection in self._detections if ended or self._decided(detection, end)]
        for detection in sorted(ready, key=lambda detection: detection.start):
            self._detections.remove(detection)
            if self._half_of_another(detection):
                continue
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

    def _decided(self, detection: Detection, end: int) -> bool:
        """Whether its header came, and of one chirp alone, all that it may be half of."""
        behind = detection.start + _spacing(detection) + _TOLERANCE
        return _header_end(detection) <= end and (detection.both or behind <= self._detector.undecided)

    def _half_of_another(self, detection: Detection) -> bool:
        """Whether a chirp of it belongs to a burst of the other sideband, of which both were heard, and better."""
        return any(
            each.preamble is detection.preamble
            and each.inverted != detection.inverted
            and (each.statistic > detection.statistic or not detection.both)
            and abs(abs(each.start - detection.start) - _spacing(detection)) <= _TOLERANCE
            for each in self._whole
        )

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
        window_of = partial(self._window, symbols=expected(detection.preamble).layout.begin)
        found = seek(detection, window_of, self._budget, self._codecs)
        if found is None:
            return None
        if isinstance(found, Found):
            self.detected += 1
            return _Header(found)
        return self._lost(detection, *found)

    def _lost(self, detection: Detection, error_type: str, error: str, es_n0_db: float) -> Lost:
        if error_type == "overload":
            self.overloads += 1
        else:
            self.detected += 1
            self.header_errors += 1
        return Lost(error_type, error, detection.start, _carrier(detection, 0.0), es_n0_db)

    def _demodulate(self, waiting: "_Header") -> Burst | Lost:
        detection, layout = waiting.detection, waiting.layout
        there = self._origin + len(self._samples) - detection.start  # samples of the burst
        arrived = SAMPLES_PER_SYMBOL * np.arange(layout.end) < there
        if not arrived[layout.payload].any():
            error = "the stream ended before the burst's payload began"
            return Lost("truncated", error, detection.start, _carrier(detection, 0.0), waiting.es_n0_db)
        if not self._budget.spend(budget.BURST + budget.SYMBOL * layout.end):
            return self._lost(detection, "overload", OVERLOAD, waiting.es_n0_db)
        samples, start, cfo = self._cut(detection, layout.end * (1 + 1e-6 * MAX_PPM))
        window_of = cache(partial(Window, samples, start, cfo))
        known = layout.with_header(header.encode(waiting.header, layout.preamble))
        search = partial(self._budget.spend, budget.LOSS_SYMBOL * layout.end, SPARE)
        place = waiting.sync, waiting.es_n0_db
        mended, losses = realigned(window_of(0.0), samples, start, cfo, known, layout, *place, search)
        if not losses:
            return self._undone(waiting, window_of, known, there, [])
        burst = self._undone(waiting, partial(Window, mended, start, cfo), known, there, losses)
        # echoes that fade look like losses, too: what the pilots fit better
        self._budget.spend(budget.BURST + budget.SYMBOL * layout.end, -np.inf)
        as_it_came = self._undone(waiting, window_of, known, there, [])
        return min(burst, as_it_came, key=lambda each: each.evm)

    def _undone(
        self,
        waiting: "_Header",
        window_of: Callable[[float], Window],
        known: np.ndarray,
        there: float,
        losses: Sequence[Loss],
    ) -> Burst:
        """A burst of which `there` samples came, but for `losses`: what the channel did to it is undone."""
        detection, layout = waiting.detection, waiting.layout
        lost = sum(loss.samples for loss in losses)
        arrived = SAMPLES_PER_SYMBOL * np.arange(layout.end) < there + lost
        received = float(np.mean(arrived[layout.payload]))
        for loss in losses:
            arrived[loss.before + 1 : loss.behind] = False
        known = np.where(arrived, known, 0)
        window, sync, channel = refine(window_of, known, waiting.sync, layout)
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
            es_n0_db=decibels(payload.es_n0),
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


class _Header:
    """A burst whose header was read."""

    def __init__(self, found: Found) -> None:
        self.detection, self.header, self.sync, self.es_n0_db = found
        self.layout = Layout(self.header.frames, self.detection.preamble)
        self.end = self.detection.start + SAMPLES_PER_SYMBOL * self.layout.end * (1 + 1e-6 * MAX_PPM) + MARGIN


def _carrier(detection: Detection, further: float) -> float:
    """The carrier offset of the samples as they came, cycles a symbol: `further` than the detection's."""
    return (detection.cfo + further) * (-1 if detection.inverted else 1)


def _spacing(detection: Detection) -> int:
    """Samples from chirp to chirp."""
    return SAMPLES_PER_SYMBOL * expected(detection.preamble).layout.down


def _header_end(detection: Detection) -> float:
    return detection.start + SAMPLES_PER_SYMBOL * expected(detection.preamble).layout.begin + MARGIN
