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
from scipy import ndimage, special

from .channel import BLOCK
from .exact import product, scaled, square
from .frame import Layout
from .preamble import CHIRP
from .pulse import SAMPLES_PER_SYMBOL, matched
from .track import Blocks, Doppler, Model, Nodes, evidences

CHUNK = 16  # symbols over which h is taken as constant: from one pilot of the payload to the next
MAX_PPM = 300.0  # clock offset that is looked for, either way
TYPICAL_PPM = 100.0  # its standard deviation, before anything was received

# Searches look at a few times (symbols) and carriers (cycles a symbol) about the best guess so far and interpolate
# between them by a parabola (`_vertex`): a step must be small enough that no peak slips through. From one chirp to the
# other, over 648 symbols, the phase makes a turn for every 1.5e-3 cycles a symbol. The steps are generous: at half or
# twice their size the same bursts are read with the same error (some 100, AWGN, Rayleigh and echoes, -11 to 6 dB).
# Around the detection. A chirp's peak is sharp to half a sample, and then its carrier to less than a turn; a fade or
# a turn of the phase within a chirp pulls it far off.
NARROW = np.arange(-4, 5) / 8, np.arange(-14, 15) * 2e-4  # half a symbol, two turns by eighths
WIDE = np.arange(-6, 7) / 4, np.arange(-20, 21) * 4e-4  # 1.5 symbols, five turns by quarters
# An echo 5 symbols late, if each chirp's strongest peak is another path's, makes the time 2.5 symbols wrong and the
# carrier 5 / (2 CHIRP) = 0.017.
_ECHO_TIMES = np.arange(-6, 7)  # after the detection, at which a path may arrive
_ECHO_CFOS = np.arange(-80, 81) * 2.5e-4  # to 0.02
_ECHO_APART = 9  # steps of `_ECHO_CFOS`: of peaks within half of it, 0.7 turns, the best one is tried
# With a known header, by a third of a turn: without this search mpp at 6 dB has 1.6 times the error.
_RELOCK_TIMES, _RELOCK_CFOS = np.arange(-7, 8) / 2, np.arange(-36, 37) * 5e-4
# Over the whole burst, of which all symbols count together.
_COARSE_TURN, _FINE_TURN = 0.33, 0.15  # from its first symbol to its last, between two carriers
_DRIFT = 0.12  # symbols that its last one moves between two clocks: half a sample
_FINENESS = 0.06, 0.02  # symbols between two times, first and last: a quarter of a sample, a twelfth
_SLOPE = 3  # as many symbols of drift between two clocks: a line's rise is sqrt(12) times less sure than its middle
# Carriers once the kind of channel is known: without this search, 1 to 3 % more error in fading (0 and 6 dB).
_LAST = np.arange(-15, 16) * 1e-4

_BLOCK_STEP = 8  # symbols between the places at which a block may begin: half a node
_BLOCKS = tuple(Blocks(BLOCK, offset) for offset in range(0, BLOCK, _BLOCK_STEP))
# Kinds of channel, equally likely beforehand: many members of a kind are no argument for it. Doppler from a tenth of a
# cycle in the longest burst to one in eight blocks.
HEADER_KINDS: tuple[tuple[Model, ...], ...] = ((Blocks(),), (Doppler(3e-4), Doppler(1e-3)), _BLOCKS)
KINDS: tuple[tuple[Model, ...], ...] = ((Blocks(),), tuple(Doppler(10**e) for e in (-5, -4.5, -4, -3.5, -3)), _BLOCKS)
# One that stands still, turns or fades slowly, fades by blocks: enough to tell times and carriers apart.
SEARCH_MODELS: tuple[Model, ...] = (Blocks(), Blocks(512), *_BLOCKS[::8])
_ECHO_MODELS: tuple[Model, ...] = (Blocks(512), Doppler(1e-3))  # paths fade, each on its own
HYPOTHESES = 4  # kinds of channel, each with a carrier, for which the header is decoded
# Of the signal's power: what a pilot hears of payload beside it, which nobody knows, if it is sampled a little early.
# However little noise there is, known symbols fit no model better than that.
SELF_NOISE = 1e-3
LEAST_SNR, GREATEST_SNR = 1e-3, 1e6  # of what is estimated
_NEGLIGIBLE = 1e-3  # weight of a model
_UNLIKELY = 10.0  # nats below the best: not tried


class Channel(NamedTuple):
    """What the receiver believes: h at the wanted places (complex [n]), its variance, the noise's, and of what kind."""

    h: np.ndarray
    variance: np.ndarray
    n0: float
    power: float  # E|h|^2
    model: Model


class Sync(NamedTuple):
    """`time` in symbols after the detection's, `cfo` in cycles a symbol after its own, `ppm` of the clock."""

    time: float
    cfo: float
    ppm: float = 0.0


class Window:
    """The samples around a burst behind the matched filter, the detection's carrier offset taken out."""

    def __init__(self, samples: np.ndarray, start: float, cfo: float):
        """`start`: index (fractional) of place 0 in `samples`, complex64; `cfo` in cycles a symbol."""
        turn = np.exp(-2j * np.pi * cfo / SAMPLES_PER_SYMBOL * (np.arange(len(samples)) - start))
        z = matched(product(samples, turn).astype(np.complex64))
        self.start = start
        real, imaginary = (ndimage.spline_filter1d(part, output=np.float32) for part in (z.real, z.imag))
        # Coefficients of a cubic B-spline, the four that matter between two samples, and noughts beyond the last.
        self._spline = sliding_window_view(np.pad(real + 1j * imaginary, 4), 4)

    def at(self, places: np.ndarray, sync: Sync) -> np.ndarray:
        """Symbols at `places` (any shape), complex64; 0 beyond the samples."""
        instants = self.start + SAMPLES_PER_SYMBOL * (places * (1 + 1e-6 * sync.ppm) + sync.time)
        k = np.clip(np.floor(instants), -3, len(self._spline) - 4).astype(int)
        right = np.clip(instants - k, 0, 1).astype(np.float32)
        left, near = 1 - right, self._spline[k + 3]
        y = scaled(near[..., 0], left**3 / 6) + scaled(near[..., 1], 2 / 3 - right**2 * (1 - right / 2))
        y += scaled(near[..., 2], 2 / 3 - left**2 * (1 - left / 2)) + scaled(near[..., 3], right**3 / 6)
        return product(y, np.exp(-2j * np.pi * sync.cfo * places)).astype(np.complex64)


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
        x = self.values.conj().reshape(-1, *[1] * (y.ndim - 1))
        return np.add.reduceat(product(x, y), self._first, axis=0, dtype=complex)

    def turn(self, cfos: np.ndarray) -> np.ndarray:
        """What takes each of these carrier offsets out of c: [m] -> complex [nodes, m]."""
        return np.exp(-2j * np.pi * cfos * self.nodes.places[:, None])

    def levels(self, y: np.ndarray) -> tuple[float, float]:
        """N0, from what a constant h leaves of each node of several symbols, and E|h|^2: complex [known symbols]."""
        c, e = square(self.correlate(y)), self.nodes.energies
        residual = np.add.reduceat(square(y), self._first) - c / e
        several = self.lengths > 1
        n0 = float(np.sum(residual[several]) / np.sum(self.lengths[several] - 1))
        power = float(np.sum(c / e - n0) / np.sum(e))
        power = max(power, LEAST_SNR * n0, 1e-30)  # a model of it stays possible
        return max(n0, power / GREATEST_SNR), power


def header_hypotheses(
    window: Window, known: Known, places: np.ndarray, grid: tuple[np.ndarray, np.ndarray]
) -> Iterator[tuple[Sync, Channel]]:
    """Synchronisations by which the header may be readable, the likeliest first, with h at `places`.

    `grid`: times and carrier offsets that are looked at, `NARROW` or `WIDE`.
    """
    times, cfos = grid
    y = np.stack([window.at(known.places, Sync(time, 0.0)) for time in times], 1)
    c = known.correlate(y)
    chirps = known.lengths > 1
    best = int(np.argmax(np.sum(square(c[chirps]), 0)))
    n0, power = known.levels(y[:, best])
    models = [model for kind in HEADER_KINDS for model in kind]
    of_all = iter(evidences(models, known.nodes, c, power, n0, known.turn(cfos)))
    found = []
    for kind in HEADER_KINDS:
        evidence = np.stack([next(of_all) for _ in kind]) - np.log(len(kind))
        by_cfo = evidence.max((0, 1))
        for f in np.flatnonzero(ndimage.maximum_filter1d(by_cfo, 3) == by_cfo):
            m, t = np.unravel_index(np.argmax(evidence[:, :, f]), evidence.shape[:2])
            time = times[t] + _vertex(evidence[m, :, f], t) * (times[1] - times[0])
            cfo = cfos[f] + _vertex(evidence[m, t], f) * (cfos[1] - cfos[0])
            found.append((by_cfo[f], Sync(time, cfo), kind[m]))
    found.sort(key=lambda entry: -entry[0])
    for score, sync, model in found[:HYPOTHESES]:
        if score < found[0][0] - _UNLIKELY:
            return
        fitted = known.correlate(window.at(known.places, sync))
        h, variance = model.estimate(known.nodes, fitted, power, n0, places)
        yield sync, Channel(h, variance, n0, power, model)


def refine(window: Window, symbols: np.ndarray, sync: Sync, places: np.ndarray) -> tuple[Sync, Channel]:
    """Clock, carrier and time over the whole burst, and h at `places`: `symbols` complex64 [end], 0 where unknown."""
    end, known, header = len(symbols), Known(symbols), Known(symbols[: Layout(1).down + CHIRP])
    wide, narrow = np.arange(-6, 7) * (_COARSE_TURN / end), np.arange(-3, 4) * (_FINE_TURN / end)
    reach = np.ceil(MAX_PPM * 1e-6 * end / _DRIFT)
    ppms = np.arange(-reach, reach + 1) / reach * MAX_PPM
    # Where h does not hold from one chirp to the other, or each chirp's strongest peak was another echo, the header
    # was read with a time and a carrier that may be far off; now that it is known, nothing else fits it.
    sync = _search(window, header, [sync._replace(time=sync.time + late) for late in _RELOCK_TIMES], _RELOCK_CFOS)
    # The time is known where the header is; then time and slope are sought about the known symbols' centre of
    # gravity, where the errors of the two have nothing to do with each other.
    sync = _search(window, known, [_tilt(sync, ppm, 0.5 * Layout(1).down) for ppm in ppms], wide)
    centre = float(np.average(known.nodes.places, weights=known.nodes.energies))
    steps = np.arange(-4, 5)
    for fineness in _FINENESS:
        sync = _search(window, known, [sync._replace(time=sync.time + fineness * k) for k in steps], narrow)
        slope = 1e6 * _SLOPE * fineness / end  # ppm a step
        sync = _search(window, known, [_tilt(sync, slope * k, centre) for k in steps], narrow)
    y = window.at(known.places, sync)
    model = max(_evidences(known, y), key=lambda entry: entry[0])[1]
    sync = _search(window, known, [sync], _LAST, (model,))
    levels = known.levels(window.at(known.places, sync))
    models: tuple[Model, ...] = (model,)
    if model in _BLOCKS:
        # where its blocks begin is known to within a node by now; single symbols say it better
        models = tuple(Blocks(BLOCK, model.offset + k) for k in range(-_BLOCK_STEP, _BLOCK_STEP + 1))
        known = Known(symbols, chunk=0)
    c = known.correlate(window.at(known.places, sync))
    return sync, _average(known.nodes, c, levels, models, places)


def flat_evidence(known: Known, y: np.ndarray) -> tuple[float, float]:
    """Log-evidence over noise alone of the best channel without echoes, and N0: complex [end], at every place."""
    y = y[known.places]
    return max(evidence for evidence, _ in _evidences(known, y)), _fit(known.levels(y))[0]


def _fit(levels: tuple[float, float]) -> tuple[float, float]:
    """N0 and E|h|^2 for a model: N0 not below the self-noise."""
    n0, power = levels
    return max(n0, SELF_NOISE * power), power


def _evidences(known: Known, y: np.ndarray) -> list[tuple[float, Model]]:
    """Every model of `KINDS` and its log-evidence, the prior's share taken off: complex [known symbols]."""
    c, (n0, power) = known.correlate(y), _fit(known.levels(y))
    models, priors = zip(*[(model, np.log(len(kind))) for kind in KINDS for model in kind], strict=True)
    found = evidences(models, known.nodes, c[:, None], power, n0).ravel() - priors
    return list(zip(found.tolist(), models, strict=True))


def _average(
    nodes: Nodes, c: np.ndarray, levels: tuple[float, float], models: tuple[Model, ...], places: np.ndarray
) -> Channel:
    """h at `places`, averaged over equally likely models (Hoeting et al., Statistical Science 14(4), 1999)."""
    n0, power = _fit(levels)
    evidence = evidences(models, nodes, c[:, None], power, n0).ravel()
    mean, second = np.zeros(len(places), complex), np.zeros(len(places))
    for weight, model in zip(special.softmax(evidence), models, strict=True):
        if weight > _NEGLIGIBLE:
            h, variance = model.estimate(nodes, c, power, n0, places)
            mean += weight * h
            second += weight * (square(h) + variance)
    return Channel(mean, second - square(mean), levels[0], power, models[int(np.argmax(evidence))])


def carriers_of_echoes(window: Window, known: Known) -> list[float]:
    """Carrier offsets, cycles a symbol after the detection's, that fit several paths best, the likeliest first.

    Paths that fade on their own make one chirp's strongest peak another path's than the other chirp's: the detection
    is half the echo's delay off, and its carrier by delay / (2 CHIRP). What all delays say together is right.
    """
    y = np.stack([window.at(known.places, Sync(float(time), 0.0)) for time in _ECHO_TIMES], 1)
    c = known.correlate(y)
    n0, power = known.levels(y[:, len(_ECHO_TIMES) // 2])
    evidence = evidences(_ECHO_MODELS, known.nodes, c, power, n0, known.turn(_ECHO_CFOS))
    rake = np.maximum(evidence, 0).sum(1).max(0)
    peaks = np.flatnonzero(ndimage.maximum_filter1d(rake, _ECHO_APART) == rake)
    return [float(_ECHO_CFOS[f]) for f in sorted(peaks, key=lambda f: -rake[f])[:HYPOTHESES]]


def _search(
    window: Window, known: Known, syncs: list[Sync], cfos: np.ndarray, models: tuple[Model, ...] = SEARCH_MODELS
) -> Sync:
    """The best of equally spaced candidates, each with every carrier offset of `cfos` added; interpolated."""
    y = np.stack([window.at(known.places, sync) for sync in syncs], 1)
    c = known.correlate(y)
    n0, power = _fit(known.levels(y[:, len(syncs) // 2]))
    evidence = evidences(models, known.nodes, c, power, n0, known.turn(cfos))
    # the clock's prior: its standard deviation is TYPICAL_PPM
    evidence -= 0.5 * (np.array([sync.ppm for sync in syncs]) / TYPICAL_PPM)[:, None] ** 2
    m, k, f = np.unravel_index(np.argmax(evidence), evidence.shape)
    best, offset = np.array(syncs[k]), _vertex(evidence[m, :, f], k)
    best += abs(offset) * (np.array(syncs[k + int(np.sign(offset))]) - best)
    cfo = cfos[f] + _vertex(evidence[m, k], f) * (cfos[1] - cfos[0])
    return Sync(*best)._replace(cfo=best[1] + cfo)


def _tilt(sync: Sync, ppm: float, about: float) -> Sync:
    """`ppm` more of clock offset, the time at place `about` unchanged."""
    return Sync(sync.time - 1e-6 * ppm * about, sync.cfo, sync.ppm + ppm)


def _vertex(values: np.ndarray, k: int | np.integer) -> float:
    """Where the parabola through the maximum and its neighbours has its vertex, in steps from index `k`."""
    if not 0 < k < len(values) - 1:
        return 0.0
    left, middle, right = values[k - 1 : k + 2]
    curvature = 2 * middle - left - right
    return float(np.clip(0.5 * (right - left) / curvature, -0.5, 0.5)) if curvature > 0 else 0.0
