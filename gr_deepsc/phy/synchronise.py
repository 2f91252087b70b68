"""From a detection to equalised symbols: time, carrier, clock, channel and noise from the known symbols.

All unknowns are judged by one number, the evidence of the channel models of `track`: the time and the carrier by
which the chirps and pilots fit best decide the header; then its symbols are known, too, and the clock and the carrier
are sought again over the whole burst. The carrier found from the chirps' delays is right to within a turn or two
over the 648 symbols from chirp to chirp; which turn it is, the header's checksum decides.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from .channel import BLOCK
from .exact import product, scaled, square
from .frame import Layout
from .pulse import SAMPLES_PER_SYMBOL, matched
from .track import Blocks, Doppler, Model, Nodes, log_evidences, steady_evidence

CHUNK = 16  # symbols over which h is taken as constant: from one pilot of the payload to the next
# Cycles a symbol^2. A quarter of a turn at the ends of the chirps from one to the next.
DRIFTS = np.arange(-3, 4) * 4.8e-6
MAX_PPM = 300.0  # clock offset that is looked for, either way

# Searches look at a few times (symbols) and carriers (cycles a symbol) about the best guess so far and interpolate
# between them by a parabola (`vertex`): a step must be small enough that no peak slips through. From one chirp to the
# other, over 648 symbols of the long preamble, the phase makes a turn for every 1.5e-3 cycles a symbol. The steps are
# generous: at half or twice their size the same bursts are read with the same error (some 100, AWGN, Rayleigh and
# echoes, -11 to 6 dB).
# About the detection, for the long preamble; `around` has them for any. A chirp's peak is sharp to half a sample, and
# then its carrier to less than a turn; a fade or a turn of the phase within a chirp pulls it far off.
NARROW = np.arange(-4, 5) / 8, np.arange(-14, 15) * 2e-4  # half a symbol, two turns by eighths
WIDE = np.arange(-6, 7) / 4, np.arange(-20, 21) * 4e-4  # 1.5 symbols, five turns by quarters
# An echo 5 symbols late, if each chirp's strongest peak is another path's, makes the time 2.5 symbols wrong and the
# carrier 5 / (2 * 144) = 0.017.
_ECHO_TIMES = np.arange(-6, 7)  # after the detection, at which a path may arrive
ECHO_CFOS = np.arange(-80, 81) * 2.5e-4  # to 0.02
_ECHO_APART = 9  # steps of `ECHO_CFOS`: of peaks within half of it, 0.7 turns, the best one is tried

BLOCK_STEP = 8  # symbols between the places at which a block may begin: half a node
BLOCKS = tuple(Blocks(BLOCK, offset) for offset in range(0, BLOCK, BLOCK_STEP))
# Kinds of channel, equally likely beforehand: many members of a kind are no argument for it. Doppler from a tenth of a
# cycle in the longest burst to one in eight blocks.
HEADER_KINDS: tuple[tuple[Model, ...], ...] = ((Doppler(3e-4), Doppler(1e-3), Doppler(3e-3), Doppler(1e-2)), BLOCKS)
KINDS: tuple[tuple[Model, ...], ...] = (
    (Blocks(),),
    tuple(Doppler(10**e) for e in (-5, -4.5, -4, -3.5, -3, -2.5, -2)),
    BLOCKS,
)
# One that stands still, turns or fades slowly, fades by blocks: enough to tell times and carriers apart.
SEARCH_MODELS: tuple[Model, ...] = (Blocks(), Blocks(512), *BLOCKS[::8])
_ECHO_MODELS: tuple[Model, ...] = (Blocks(512), Doppler(1e-3))  # paths fade, each on its own
HYPOTHESES = 4  # kinds of channel, each with a carrier, for which the header is decoded
# Of the signal's power: what a pilot hears of payload beside it, which nobody knows, if it is sampled a little early.
# However little noise there is, known symbols fit no model better than that.
SELF_NOISE = 1e-3
LEAST_SNR, GREATEST_SNR = 1e-3, 1e6  # of what is estimated
_SLOW = 1e-3  # cycles a symbol: the longest burst has some waves of it, of faster ones hundreds
_UNLIKELY = 10.0  # nats below the best: not tried


def around(layout: Layout, grid: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """`NARROW` or `WIDE` for any preamble: the nearer its chirps, the rougher the carrier and the longer a turn."""
    times, cfos = grid
    return times, cfos * (Layout(1).down / layout.down)


def late_by(layout: Layout) -> tuple[float, float]:
    """How many symbols a drift of one makes the detection late, because the chirps' carriers differ; and the place of
    which the detection has the carrier, the middle between them."""
    return layout.preamble.chirp * layout.down / 2, (layout.begin - 1) / 2


class Channel(NamedTuple):
    """What the receiver believes: h at the wanted places (complex [n]), its variance, the noise's, and of what kind."""

    h: np.ndarray
    variance: np.ndarray
    n0: float
    power: float  # E|h|^2
    model: Model


class Sync(NamedTuple):
    """`time` in symbols after the detection's, `cfo` in cycles a symbol after its own, `ppm` of the clock.

    `drift` in cycles a symbol^2: the carrier is `cfo` + `drift` n at place n.
    """

    time: float
    cfo: float
    ppm: float = 0.0
    drift: float = 0.0


def turns(cfo: float | np.ndarray, drift: float | np.ndarray, places: np.ndarray) -> np.ndarray:
    """Of a carrier, cycles at `places`."""
    return cfo * places + 0.5 * drift * places**2


class Window:
    """The samples around a burst behind the matched filter, the detection's carrier offset taken out."""

    def __init__(self, samples: np.ndarray, start: float, cfo: float, drift: float = 0.0):
        """`start`: index (fractional) of place 0 in `samples`, complex64; `cfo` and `drift` as in `Sync`."""
        places = (np.arange(len(samples)) - start) / SAMPLES_PER_SYMBOL
        z = matched(product(samples, np.exp(-2j * np.pi * turns(cfo, drift, places))))
        self.start, self.drift = start, drift
        real, imaginary = (ndimage.spline_filter1d(part, output=np.float32) for part in (z.real, z.imag))
        self.spline = real + 1j * imaginary  # complex64, coefficients of a cubic B-spline
        # the four that matter between two samples, noughts beyond the last
        self._near = sliding_window_view(np.pad(self.spline, 4), 4)

    def at(self, places: np.ndarray, sync: Sync) -> np.ndarray:
        """Symbols at `places` (any shape), complex64; 0 beyond the samples."""
        instants = self.start + SAMPLES_PER_SYMBOL * (places * (1 + 1e-6 * sync.ppm) + sync.time)
        k = np.clip(np.floor(instants), -3, len(self.spline) + 1).astype(int)
        right = np.clip(instants - k, 0, 1).astype(np.float32)
        y = _between(self._near[k + 3], right)
        turn = np.exp(-2j * np.pi * turns(sync.cfo, sync.drift - self.drift, places))
        return product(y, turn).astype(np.complex64)


class Known:
    """Known symbols of a layout, and the nodes they make."""

    def __init__(self, known: np.ndarray, chunk: int = CHUNK):
        """`known`: complex64 [end], 0 where unknown. A node is a run of at most `chunk` + 1 known symbols."""
        self.places = np.flatnonzero(known)
        self.values = known[self.places]
        energy = square(self.values.astype(complex))
        run = np.maximum.accumulate(np.where(np.diff(self.places, prepend=-2) > 1, self.places, 0))  # each one's first
        self._first = np.flatnonzero((self.places - run) % (chunk + 1) == 0)
        total = np.add.reduceat(energy, self._first)
        self.nodes = Nodes(np.add.reduceat(energy * self.places, self._first) / total, total)
        self.lengths = np.diff(np.append(self._first, len(self.places)))

    def correlate(self, y: np.ndarray) -> np.ndarray:
        """c = sum x* y of each node: complex [known symbols, ...] -> [nodes, ...]."""
        return self.summed(product(self.values.conj().reshape(-1, *[1] * (y.ndim - 1)), y))

    def summed(self, y: np.ndarray) -> np.ndarray:
        """Of each node: complex [known symbols, ...] -> [nodes, ...]."""
        return np.add.reduceat(y, self._first, axis=0, dtype=complex)

    def turn(self, cfos: np.ndarray, drifts: np.ndarray | float = 0.0) -> np.ndarray:
        """What takes each of these carriers out of the nodes: [m] -> complex [nodes, m]."""
        return np.exp(-2j * np.pi * turns(cfos, drifts, self.nodes.places[:, None]))

    def levels(self, y: np.ndarray) -> tuple[float, float]:
        """N0, from what a constant h leaves of each node of several symbols, and E|h|^2: complex [known symbols]."""
        c, e = square(self.correlate(y)), self.nodes.energies
        residual = np.add.reduceat(square(y), self._first) - c / e
        several = self.lengths > 1
        n0 = float(np.sum(residual[several]) / np.sum(self.lengths[several] - 1))
        power = power_of(c, e, n0)
        return max(n0, power / GREATEST_SNR), power


def power_of(squares: np.ndarray, energies: np.ndarray, n0: float) -> float:
    """E|h|^2 by nodes' |c|^2, float [nodes]."""
    power = float(np.sum(squares / energies - n0) / np.sum(energies))
    return max(power, LEAST_SNR * n0, 1e-30)  # a model of it stays possible


class Correlations:
    """c of every node as a function of time: what `Known.correlate` makes of `Window.at`, for searches.

    The samples' splines are correlated once and c is interpolated, a node at a time instead of a symbol.
    """

    def __init__(self, window: Window, known: Known, sync: Sync, reach: float):
        """`reach`: symbols, either way, that a node's time may be from that of `sync`."""
        self.nodes, self._sync = known.nodes, sync
        x = product(known.values.conj(), np.exp(-2j * np.pi * turns(sync.cfo, sync.drift - window.drift, known.places)))
        # within a node the clock is right
        instants = window.start + SAMPLES_PER_SYMBOL * (1e-6 * sync.ppm * known.nodes.places + sync.time)
        side = int(np.ceil(SAMPLES_PER_SYMBOL * reach)) + 2
        first = np.floor(instants).astype(int) - side
        self._instants = instants - first
        index = SAMPLES_PER_SYMBOL * known.places + np.repeat(first, known.lengths)
        index = index + np.arange(2 * side + 2)[:, None]
        inside = (index >= 0) & (index < len(window.spline))
        spline = np.where(inside, window.spline[np.where(inside, index, 0)], 0)
        self._spline = known.summed(product(x, spline).T)  # [nodes, 2 side + 2]

    def at(self, times: np.ndarray, ppms: np.ndarray | float = 0.0, count: int | None = None) -> np.ndarray:
        """c at `times` (symbols) and clocks that much after those of `sync`, of the first `count` nodes:
        [n] -> complex [nodes, n]."""
        places = self.nodes.places[:count, None]
        instants = self._instants[:count, None] + SAMPLES_PER_SYMBOL * (times + 1e-6 * ppms * places)
        k = np.clip(np.floor(instants), 1, self._spline.shape[1] - 3).astype(int)  # beyond `reach`: the same as there
        right = np.clip(instants - k, 0, 1)
        rows = np.arange(len(places))[:, None]
        return _between(sliding_window_view(self._spline, 4, axis=1)[rows, k - 1], right)

    def about(self, sync: Sync, times: np.ndarray, ppms: np.ndarray, count: int | None = None) -> np.ndarray:
        """`at` with another `sync`, whose carrier is the same within a node."""
        c = self.at(sync.time - self._sync.time + times, sync.ppm - self._sync.ppm + ppms, count)
        turned = turns(sync.cfo - self._sync.cfo, sync.drift - self._sync.drift, self.nodes.places[:count, None])
        return product(c, np.exp(-2j * np.pi * turned))


def _between(near: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A cubic B-spline of coefficients complex [..., 4], `right` of the second one's sample, 0 to 1: complex [...]."""
    left = 1 - right
    left2, right2 = left * left, right * right
    y = scaled(near[..., 0], left2 * left / 6) + scaled(near[..., 1], 2 / 3 - right2 * (1 - right / 2))
    y += scaled(near[..., 2], 2 / 3 - left2 * (1 - left / 2)) + scaled(near[..., 3], right2 * right / 6)
    return y


def header_hypotheses(
    window: Window, known: Known, layout: Layout, grid: tuple[np.ndarray, np.ndarray]
) -> Iterator[tuple[Sync, Channel]]:
    """Synchronisations by which the header may be readable, the likeliest first, with h at its places.

    `grid`: times and carrier offsets that are looked at, `NARROW` or `WIDE`.
    """
    times, cfos = around(layout, grid)
    lag, middle = late_by(layout)
    heard = Correlations(window, known, Sync(0.0, 0.0), times[-1] + lag * DRIFTS[-1])
    c = heard.at(times)
    best = times[int(np.argmax(np.sum(square(c[known.lengths > 1]), 0)))]
    n0, power = known.levels(window.at(known.places, Sync(best, 0.0)))
    turn = known.turn(cfos)
    # a steady channel whose carrier drifts, or does not
    delayed = heard.at((times - lag * DRIFTS[:, None]).ravel()).reshape(-1, len(DRIFTS), len(times))
    turned = product(turn, known.turn(-middle * DRIFTS, DRIFTS).T[:, :, None])
    steady = steady_evidence(known.nodes, delayed.transpose(1, 2, 0) @ turned, power, n0)
    steady[DRIFTS != 0] -= np.log(len(DRIFTS))

    def hypothesis(sync: Sync, model: Model) -> tuple[Sync, Channel]:
        h, variance = model.estimate(known.nodes, fitted(sync), power, n0, layout.header)
        return sync, Channel(h, variance, n0, power, model)

    def fitted(sync: Sync) -> np.ndarray:
        return known.correlate(window.at(known.places, sync))

    def peaks(evidence: np.ndarray, members: list[tuple[Model, float]]) -> Iterator[tuple[float, Sync, Model]]:
        by_cfo = evidence.max((0, 1))
        for f in np.flatnonzero(ndimage.maximum_filter1d(by_cfo, 3) == by_cfo):
            m, t = np.unravel_index(np.argmax(evidence[:, :, f]), evidence.shape[:2])
            model, drift = members[m]
            time = times[t] + vertex(evidence[m, :, f], t) * (times[1] - times[0]) - lag * drift
            cfo = cfos[f] + vertex(evidence[m, t], f) * (cfos[1] - cfos[0])
            yield by_cfo[f], Sync(time, cfo - middle * drift, drift=drift), model

    found = list(peaks(steady, [(Blocks(), d) for d in DRIFTS]))
    first = max(found, key=lambda entry: entry[0])
    sure = explained(known.nodes, fitted(first[1]), n0)
    if sure:  # the other kinds may wait until its CRC says no
        yield hypothesis(*first[1:])
    of_all = iter(log_evidences([model for kind in HEADER_KINDS for model in kind], known.nodes, c, power, n0, turn))
    for kind in HEADER_KINDS:
        evidence = np.stack([next(of_all) for _ in kind])
        found += peaks(evidence - np.log(len(kind)), [(model, 0.0) for model in kind])
    found.sort(key=lambda entry: -entry[0])
    for entry in found[:HYPOTHESES]:
        if entry[0] < found[0][0] - _UNLIKELY:
            return
        if not (sure and entry is first):
            yield hypothesis(*entry[1:])


def explained(nodes: Nodes, c: np.ndarray, n0: float) -> bool:
    """Whether a channel that stands still leaves of c, complex [nodes], no more than noise (chi-square, 4 sigma)."""
    left = np.sum(square(c) / nodes.energies) - square(np.sum(c)) / np.sum(nodes.energies)
    return bool(left / n0 < len(c) + 4 * np.sqrt(len(c)))


def flat_evidence(known: Known, y: np.ndarray) -> tuple[float, float]:
    """Log-evidence over noise alone of the best channel without echoes, and N0: complex [end], at every place."""
    y = y[known.places]
    return max(evidence for evidence, _ in evidences(known, y)), fit(known.levels(y))[0]


def fit(levels: tuple[float, float]) -> tuple[float, float]:
    """N0 and E|h|^2 for a model: N0 not below the self-noise."""
    n0, power = levels
    return max(n0, SELF_NOISE * power), power


def evidences(known: Known, y: np.ndarray) -> list[tuple[float, Model]]:
    """Every model of `KINDS` and its log-evidence, the prior's share taken off: complex [known symbols].

    Fast fading is not tried where it could explain nothing more.
    """
    c, (n0, power) = known.correlate(y), fit(known.levels(y))
    greatest = _SLOW if explained(known.nodes, c, n0) else np.inf
    models, priors = zip(
        *[(model, np.log(len(kind))) for kind in KINDS for model in kind if getattr(model, "spread", 0.0) <= greatest],
        strict=True,
    )
    found = log_evidences(models, known.nodes, c[:, None], power, n0).ravel() - priors
    return list(zip(found.tolist(), models, strict=True))


def carriers_of_echoes(window: Window, known: Known) -> list[float]:
    """Carrier offsets, cycles a symbol after the detection's, that fit several paths best, the likeliest first.

    Paths that fade on their own make one chirp's strongest peak another path's than the other chirp's: the detection
    is half the echo's delay off, and its carrier by delay / (2 N), N the chirp's symbols. What all delays say together
    is right.
    """
    y = np.stack([window.at(known.places, Sync(float(time), 0.0)) for time in _ECHO_TIMES], 1)
    c = known.correlate(y)
    n0, power = known.levels(y[:, len(_ECHO_TIMES) // 2])
    turn = known.turn(ECHO_CFOS)
    rake = np.maximum(log_evidences(_ECHO_MODELS, known.nodes, c, power, n0, turn), 0).sum(1).max(0)
    peaks = np.flatnonzero(ndimage.maximum_filter1d(rake, _ECHO_APART) == rake)
    return [float(ECHO_CFOS[f]) for f in sorted(peaks, key=lambda f: -rake[f])[:HYPOTHESES]]


def vertex(values: np.ndarray, k: int | np.integer) -> float:
    """Where the parabola through the maximum and its neighbours has its vertex, in steps from index `k`."""
    if not 0 < k < len(values) - 1:
        return 0.0
    left, middle, right = values[k - 1 : k + 2]
    curvature = 2 * middle - left - right
    return float(np.clip(0.5 * (right - left) / curvature, -0.5, 0.5)) if curvature > 0 else 0.0
