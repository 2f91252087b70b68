"""Samples that were lost inside a burst: found by its pilots, and room made for them, so that the rest is in its place.

A group of K pilots sought where they are not is noise, and b = |sum x* y|^2 / (K sum |y|^2) is Beta(1, K - 1) at any
level, as in `detect`: u = -(K - 1) ln(1 - b) has the density exp(-u). Pilots that are there make it larger; with the
density exp(-u / GREATER) / GREATER for them the log-likelihood ratio, the evidence, is

    e = (1 - 1 / GREATER) u - ln GREATER.

Over noise the mean of exp(e) is 1, of groups together as well: their sum exceeds s with probability exp(-s) at most
(Markov). Where the pilots from some group on have more evidence a number of samples early than in their place, by
`MARGIN` and the logarithm of all the places that were looked at, these samples are missing. A fade takes evidence
away, but gives none to another place. A clock that is off moves the pilots a little each, and a drifting carrier turns
them, by which their sequence looks moved as well (Zadoff-Chu): where nothing is lost, both are allowed for.

A few pilots of the sequence are like others of it, 41 further for one: how many samples it is, of those that differ by
whole pilots, and then to the sample, says the evidence of the channel models over the whole burst, as in `synchronise`.
"""

from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .demodulate import has_echoes
from .exact import product, square
from .frame import PILOT_EVERY, STRENGTH, Layout, pilot_sequence
from .multipath import REACH
from .pulse import SAMPLES_PER_SYMBOL
from .refine import TYPICAL_PPM
from .synchronise import MAX_PPM, SEARCH_MODELS, Known, Sync, Window, turns
from .track import log_evidences

MOST = 8192  # samples of a loss
MOST_LOSSES = 4  # in a burst
GROUP = 8  # pilots: 136 symbols, about a fading block
GREATER = 4.0
MARGIN = 14.0  # nats: one burst in a million is torn apart for nothing
MAX_DRIFT = 1.5e-5  # cycles a symbol^2 that a carrier drifts: 20 Hz/s in the audio profile

_ECHO = SAMPLES_PER_SYMBOL * REACH  # samples that a path may be early or late
_ALIKE = 0.7  # correlation of pilots with others of the sequence that they are taken for
_TURN = 0.25  # cycles over a group, from one drift that is tried to the next, in the burst's last group
_CFOS = np.arange(-6, 7) * 3e-5  # cycles a symbol about the header's carrier


class Loss(NamedTuple):
    """`samples` are missing somewhere between the places `before` and `behind`, whose symbols came."""

    before: int
    behind: int
    samples: int


def realigned(
    window: Window,
    samples: np.ndarray,
    start: float,
    cfo: float,
    known: np.ndarray,
    layout: Layout,
    sync: Sync,
    es_n0_db: float,
    search: Callable[[], bool],
) -> tuple[np.ndarray, list[Loss]]:
    """The samples of a burst with room made for what is missing, and what that is.

    Args:
        samples, start, cfo: those that `window` is made of.
        known: complex64 [end], the symbols that are known, the header's as well.
        sync, es_n0_db: the header's; Es/N0 says how much evidence there can be.
        search: whether pilots that are not in their place may be sought elsewhere, which is much work.
    """
    losses: list[Loss] = []
    while len(losses) < MOST_LOSSES:
        after = losses[-1].behind if losses else 0
        loss = _Heard(window, known, layout, sync, search).loss(es_n0_db, after)
        if loss is None:
            break
        losses.append(loss)
        place = (loss.before + loss.behind) / 2 + sync.time
        at = int(start + SAMPLES_PER_SYMBOL * place - loss.samples / 2)  # lost in the middle of where it may be
        blank = np.zeros(loss.samples, np.complex64)
        samples = np.concatenate([samples[:at], blank, samples[at:]])[: len(samples)]
        window = Window(samples, start, cfo)
    return samples, losses


class _Heard:
    """A burst in samples, and its pilots in groups."""

    def __init__(
        self, window: Window, known: np.ndarray, layout: Layout, sync: Sync, search: Callable[[], bool]
    ) -> None:
        self.window, self.known, self.layout, self.sync, self.search = window, known, layout, sync, search
        self.pilots = layout.pilots[layout.header_pilots :]
        self.apart = SAMPLES_PER_SYMBOL * (PILOT_EVERY + 1)  # samples from one to the next
        # samples, either way, by which the clock moves the burst's end
        self.drift = int(np.ceil(MAX_PPM * 1e-6 * layout.end * SAMPLES_PER_SYMBOL))
        self.slopes = np.arange(-self.drift, self.drift + 1)
        self.margin = self.drift + _ECHO
        self.first = int(self.pilots[0]) * SAMPLES_PER_SYMBOL - MOST - self.margin
        self.stop = layout.end * SAMPLES_PER_SYMBOL + self.margin

    @cached_property
    def y(self) -> np.ndarray:
        """Where pilots are sought elsewhere than in their place."""
        return self.window.at(np.arange(self.first, self.stop) / SAMPLES_PER_SYMBOL, self.sync)

    def index(self, places: np.ndarray, slope: int | np.ndarray = 0) -> np.ndarray:
        """Of symbols in `y`, by what the clock has moved the burst's end."""
        return places * SAMPLES_PER_SYMBOL - self.first + np.rint(slope * places / self.layout.end).astype(int)

    def correlated(self, places: np.ndarray, index: np.ndarray) -> np.ndarray:
        """x* y of known symbols."""
        return product(self.y[index], self.known[places].conj())

    def loss(self, es_n0_db: float, after: int, until: float = np.inf) -> Loss | None:
        """The first loss behind place `after` that pilots before place `until` tell of."""
        pilots = self.pilots[self.pilots <= until]
        count = len(pilots) // GROUP
        if not count:
            return None
        groups = pilots[len(pilots) % GROUP :].reshape(count, GROUP)  # the last one ends the burst
        least = MARGIN + np.log(MOST * count * len(self.slopes))
        expected = _evidence((GROUP - 1) * np.log1p(STRENGTH * 10 ** (es_n0_db / 10)))
        possible = expected * np.arange(count, 0, -1) - least
        possible[groups[:, 0] < after] = -np.inf
        here, drift = self.in_place(groups, np.zeros(1))
        if not np.any(possible > np.maximum(_onwards(here), 0)):
            return None
        if until == np.inf and not self.search():
            return None
        step = _TURN / (self.layout.end * GROUP * (PILOT_EVERY + 1))
        drifts = step * np.arange(-np.ceil(MAX_DRIFT / step), np.ceil(MAX_DRIFT / step) + 1)
        here, drift = self.in_place(groups, drifts)
        floor = np.maximum(_onwards(here), 0)
        if not np.any(possible > floor):
            return None
        floor[groups[:, 0] < after] = np.inf
        gain, group, lag, slope = self.earlier(groups, floor)
        if gain < least:
            return None
        torn = self.torn(groups[group, 0] - lag / SAMPLES_PER_SYMBOL, lag, slope, drift)
        lag, slope = self.exactly(lag, slope, torn)
        torn = self.torn(torn, lag, slope, drift)
        header = self.known[: self.layout.payload[0]]
        if abs(self.early(lag)) >= 2 and has_echoes(self.window, header, self.sync):
            return None  # one path faded, and another one came
        # Of several, which all come early together, the first: it is before the last pilot that came in its place.
        earlier = self.pilots[self.pilots <= torn]
        if len(earlier) and earlier[-1] < min(until, self.pilots[-1]):
            first = self.loss(es_n0_db, after, float(earlier[-1]))
            if first is not None:
                return first
        symbols = np.flatnonzero(self.known)
        before, behind = symbols[symbols <= torn][-1], symbols[symbols >= torn + lag / SAMPLES_PER_SYMBOL][0]
        return Loss(int(before), int(behind), lag)

    def in_place(self, groups: np.ndarray, drifts: np.ndarray) -> tuple[np.ndarray, float]:
        """The evidence of each group where nothing is missing, by the likeliest clock and drift; and this drift."""
        index = self.index(groups[..., None], self.slopes)
        y = self.window.at((index + self.first) / SAMPLES_PER_SYMBOL, self.sync)
        c = product(y, self.known[groups[..., None]].conj())
        ways = [(_evidence(_unlikely(product(c, _turn(groups, d)[..., None]))), float(d)) for d in drifts]
        totals = np.array([e.sum(0) for e, _ in ways])
        k, slope = np.unravel_index(np.argmax(totals), totals.shape)
        return ways[k][0][:, slope], ways[k][1]

    def earlier(self, groups: np.ndarray, floor: np.ndarray) -> tuple[float, int, int, int]:
        """The most that a group and all behind it gain by being early, which one, by how much, by which clock.

        What they are taken from are the groups that would have come at the time: no sample is used twice.
        """
        lags = np.arange(MOST, 0, -1)
        instead = np.searchsorted(groups[:, 0], groups[:, :1] - lags / SAMPLES_PER_SYMBOL)
        floor = floor[np.minimum(instead, len(groups) - 1)].astype(np.float32)
        width = MOST + 2 * self.drift + 1
        early = np.empty((len(groups), width), np.float32)  # evidence by lag, the earliest first
        for row, places in zip(early, groups, strict=True):
            begin = self.index(places) - MOST - self.drift
            y, x = self.y[begin[:, None] + np.arange(width)], self.known[places]
            row[:] = _evidence(_improbable(x.conj() @ y, square(x) @ square(y), GROUP))
        best = (-np.inf, 0, 0, 0)
        late = np.rint(np.outer(groups.mean(1) / self.layout.end, self.slopes)).astype(int) + self.drift
        onwards = np.zeros((len(self.slopes), len(lags)), np.float32)  # of each group and all behind it
        for group in reversed(range(len(groups))):
            onwards += sliding_window_view(early[group], len(lags))[late[group]]
            gain = onwards - floor[group]
            slope, k = np.unravel_index(np.argmax(gain), gain.shape)
            best = max(best, (float(gain[slope, k]), group, int(lags[k]), int(self.slopes[slope])))
        return best

    def torn(self, near: float, lag: int, slope: int, drift: float) -> float:
        """The place, as it came, where the burst is torn: pilots up to it are in place, those behind it early."""
        places = self.layout.pilots[self.layout.header_pilots - GROUP :]
        index = self.index(places, slope)
        kept = product(self.correlated(places, index), _turn(places, drift))
        moved = self.correlated(places, np.maximum(index - lag, 0))
        middle = int(np.searchsorted(places, near))
        j = np.arange(max(GROUP - 1, middle - 2 * GROUP), min(len(places), middle + 2 * GROUP))  # the last in place
        k = np.searchsorted(places, places[j] + lag / SAMPLES_PER_SYMBOL, side="right")
        j, k = j[k < len(places)], k[k < len(places)]
        # a group that ends with the one, and a group that begins with the other
        gain = [
            _unlikely(kept[a + 1 - GROUP : a + 1]) - _unlikely(moved[b : b + GROUP]) for a, b in zip(j, k, strict=True)
        ]
        if not gain:
            return near
        best = int(np.argmax(np.cumsum(gain)))
        before = max(int(places[j[best]]), int(self.layout.payload[0]) - 1)  # the whole of the header came
        return (before + int(places[k[best]]) - lag / SAMPLES_PER_SYMBOL) / 2

    def early(self, lag: int) -> int:
        """Samples that it is early besides as many pilots as the sequence looks moved by a turning carrier."""
        for further in range(lag // self.apart + 2):
            if _alike(further) and abs(lag - further * self.apart) <= _ECHO:
                return lag - further * self.apart
        return 0

    def exactly(self, lag: int, slope: int, torn: float) -> tuple[int, int]:
        """The lag, of those that whole pilots make look alike and then of those about the best, and the clock."""
        pilots = range(-(lag // self.apart), (MOST - lag) // self.apart + 1)
        alike = [lag + self.apart * k for k in pilots if _alike(abs(k))]
        lag, slope = self.likeliest(alike, np.array([slope]), torn)
        return self.likeliest(range(max(lag - 4, 1), lag + 5), self.slopes, torn)

    def likeliest(self, lags: Iterable[int], slopes: np.ndarray, torn: float) -> tuple[int, int]:
        """The lag and the clock that explain all known symbols best; those that are lost have no say."""
        every = np.arange(self.layout.end)
        best = (-np.inf, 0, 0)
        for lag in lags:
            late = lag / SAMPLES_PER_SYMBOL
            known = Known(np.where((every <= torn) | (every - late >= torn), self.known, 0))
            index = self.index(known.places[:, None], slopes) - np.where(known.places > torn, lag, 0)[:, None]
            y = self.y[np.clip(index, 0, len(self.y) - 1)]
            n0, power = known.levels(y[:, 0])
            came = known.nodes.places - np.where(known.nodes.places > torn, late, 0)  # by then the carrier has turned
            turn = np.exp(-2j * np.pi * turns(_CFOS, 0.0, came[:, None]))
            evidence = log_evidences(SEARCH_MODELS, known.nodes, known.correlate(y), power, n0, turn).max((0, 2))
            evidence -= 0.5 * (slopes / self.drift * MAX_PPM / TYPICAL_PPM) ** 2
            k = int(np.argmax(evidence))
            best = max(best, (float(evidence[k]), lag, int(slopes[k])))
        return best[1:]


@cache
def _alike(further: int) -> bool:
    """Whether a group of pilots can be taken for that which is so many pilots further in their sequence."""
    values = pilot_sequence(further + GROUP)
    return bool(abs(np.vdot(values[:GROUP], values[further:])) >= _ALIKE * GROUP)


def _turn(places: np.ndarray, drift: float) -> np.ndarray:
    """What a carrier's drift, cycles a symbol^2, is undone by."""
    return np.exp(-1j * np.pi * drift * places.astype(float) ** 2)


def _unlikely(c: np.ndarray) -> np.ndarray:
    """u of pilots' correlations x* y: complex [..., pilots, n] -> [..., n], or [pilots] -> a number."""
    axis = -2 if c.ndim > 1 else -1
    return _improbable(c.sum(axis), square(c).sum(axis), c.shape[axis])


def _improbable(total: np.ndarray, power: np.ndarray, pilots: int) -> np.ndarray:
    """u by the sum of as many pilots' x* y and that of their squares."""
    power = pilots * power
    b = square(total) / np.where(power > 0, power, 1)
    return -(pilots - 1) * np.log(np.maximum(1 - b, 1e-6))


def _evidence(u: np.ndarray) -> np.ndarray:
    return (1 - 1 / GREATER) * u - np.log(GREATER)


def _onwards(evidence: np.ndarray) -> np.ndarray:
    """Of each group and all behind it."""
    return np.cumsum(evidence[::-1], 0)[::-1]
