"""Time, carrier, drift and clock of a burst whose header is known, and its channel, from all known symbols.

The search goes outward: over the header, then over `_GROWTH` times that length, and so on to the burst's end. What the
phase will be at the next length's end is known to within a turn by then (the drift's variance falls with the fifth
power of the length), so that a few steps of a fraction of a turn find it, however long the burst. The known symbols are
correlated with the samples once, a node at a time; each step turns and shifts what came of it.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import special

from .channel import BLOCK
from .demodulate import has_echoes
from .exact import product, square
from .frame import Layout
from .synchronise import (
    BLOCK_STEP,
    BLOCKS,
    DRIFTS,
    MAX_PPM,
    SEARCH_MODELS,
    SELF_NOISE,
    Channel,
    Correlations,
    Known,
    Sync,
    Window,
    evidences,
    explained,
    fit,
    power_of,
    turns,
    vertex,
)
from .track import Blocks, Doppler, Model, Nodes, log_evidences

TYPICAL_PPM = 100.0  # standard deviation of the clock's offset, before anything was received
TYPICAL_DRIFT = 5e-6  # of the carrier's drift, cycles a symbol^2
# With a known header, by a third of a turn: without this search mpp at 6 dB has 1.6 times the error.
_RELOCK_TIMES, _RELOCK_CFOS = np.arange(-7, 8) / 2, np.arange(-36, 37) * 5e-4
_RELOCK_DRIFTS = np.arange(-5, 6) * 3.2e-6
_TURN, _BEND = 0.33, 0.25  # of the phase over a length, between two carriers; between two drifts, from middle to ends
_GROWTH = 2.5
_LATE = 0.12  # symbols that a length's end moves between two clocks: half a sample
_CARRIERS, _DRIFTS, _CLOCKS = np.arange(-5, 6), np.arange(-2, 3), np.arange(-4, 5)  # steps
# Over the whole burst: a quarter of a sample between two times, and finer turns.
_TIMES, _FINE = np.arange(-4, 5) * 0.06, 0.45
_SLOPE = 3  # as many symbols between two clocks: a line's rise is sqrt(12) times less sure than its middle
_DOUBT = 4.0  # nats that speak for a drift before there is one: by chance, two or three times in 1000
_NONE = np.zeros(1)


class _Kind(NamedTuple):
    """A kind of channel: `models` that tell it from others, those it is `sought` with, and whether drifts are seen."""

    models: tuple[Model, ...]
    sought: tuple[Model, ...]
    drifts: bool = False


# Slow ones explain what is left of the phase's errors, too. Where h fades fast a drift cannot be told from it.
_CHANNELS = (
    _Kind((Blocks(), Doppler(1e-4), Doppler(3e-4)), (Blocks(), Blocks(512)), drifts=True),
    _Kind((Doppler(1e-3), *BLOCKS), (*SEARCH_MODELS, *BLOCKS[::4])),
    _Kind((Doppler(3e-3), Doppler(1e-2)), (Blocks(32),)),
)
# Carriers once the kind of channel is known: without this search, 1 to 3 % more error in fading (0 and 6 dB).
_LAST = np.arange(-15, 16) * 1e-4
_SMEARED = 0.01  # cycles a symbol that a carrier may be off in the matched filter: a loss of 0.01 dB
_NEGLIGIBLE = 1e-3  # weight of a model


def refine(
    window_of: Callable[[float], Window], symbols: np.ndarray, sync: Sync, layout: Layout
) -> tuple[Window, Sync, Channel]:
    """All of the burst's samples with its drift taken out, how it is synchronised, and h at its payload.

    Args:
        window_of: the samples with a drift taken out (cycles a symbol^2).
        symbols: complex64 [end], 0 where unknown.
        sync: with which the header was read.
    """
    end = len(symbols)
    window = window_of(0.0)
    sync, kind, n0 = _relocked(window, symbols[: layout.begin], sync)
    if abs(sync.drift) * end > _SMEARED:
        window = window_of(sync.drift)
    known = Known(symbols)
    heard = Correlations(window, known, sync, 1 + 1e-6 * MAX_PPM * end)
    search = partial(_search, heard, models=kind.sought, n0=n0)
    bends = _DRIFTS if kind.drifts else _NONE
    centre, length = (layout.begin - 1) / 2, layout.begin
    while length < end:
        length = min(int(_GROWTH * length), end)
        count = int(np.searchsorted(known.nodes.places, length))
        cfos, drifts = _CARRIERS * (_TURN / length), bends * (8 * _BEND / length**2)
        # The time is known where the header is, later where all known symbols have their centre of gravity: there the
        # errors of time and slope have nothing to do with each other.
        sync = search(sync, count, *_tilted(_CLOCKS * (1e6 * _LATE / length), centre), cfos, drifts)
        centre = float(np.average(known.nodes.places[:count], weights=known.nodes.energies[:count]))
    sync = search(sync, count, *_tilted(_TIMES * (1e6 * _SLOPE / end), centre))
    sync = search(sync, count, _TIMES, cfos=_FINE * cfos[2:-2], drifts=_FINE * drifts)
    if kind.drifts:
        # Most carriers stand still; an estimate that is all error would cost 0.2 dB at -10 dB.
        none = search(_still(sync, known.nodes), count, _TIMES, cfos=_FINE * cfos[2:-2])
        n0, power = fit(known.levels(window.at(known.places, sync)))
        moving, still = (
            log_evidences(
                kind.sought, known.nodes, known.correlate(window.at(known.places, s))[:, None], power, n0
            ).max()
            for s in (sync, none)
        )
        if moving > still + _DOUBT:
            sync = search(sync, count, _TIMES / 2, cfos=_FINE / 2 * cfos[2:-2], drifts=_FINE / 2 * drifts)
        else:
            sync = none
    y = window.at(known.places, sync)
    model = max(evidences(known, y), key=lambda entry: entry[0])[1]
    if model != Blocks():  # with which it was sought
        sync = _search(heard, sync, count, cfos=_LAST, models=(model,), n0=n0)
        y = window.at(known.places, sync)
    levels = known.levels(y)
    models: tuple[Model, ...] = (model,)
    if model in BLOCKS:
        # where its blocks begin is known to within a node by now; single symbols say it better
        models = tuple(Blocks(BLOCK, model.offset + k) for k in range(-BLOCK_STEP, BLOCK_STEP + 1))
        known = Known(symbols, chunk=0)
    c = known.correlate(y)
    return window, sync, _average(known.nodes, c, levels, models, layout.payload)


def _relocked(window: Window, symbols: np.ndarray, sync: Sync) -> tuple[Sync, "_Kind", float]:
    """Time and carrier by the header, complex64 [n], all known, the kind of channel that explains it, and N0."""
    found, header, length = [], Known(symbols), len(symbols)

    def sought(
        sync: Sync, kind: _Kind, times: np.ndarray, cfos: np.ndarray, drifts: np.ndarray
    ) -> tuple[Sync, np.ndarray, float, float]:
        """The best of candidates that are so much after `sync`, c of the header then, and N0 and E|h|^2."""
        n0, _ = fit(header.levels(window.at(header.places, sync)))
        about = Correlations(window, header, sync, times[-1])
        drifts = drifts if kind.drifts else _NONE
        best = _search(about, sync, None, times, _NONE, cfos, drifts, models=kind.sought, n0=n0)
        y = window.at(header.places, best)
        return best, header.correlate(y), *fit(header.levels(y))

    wide = _RELOCK_TIMES, _RELOCK_CFOS, DRIFTS
    narrow = _NONE, _TURN / length * _CARRIERS, _RELOCK_DRIFTS
    fine = _FINE * _TURN / length * _CARRIERS, _FINE * 8 * _BEND / length**2 * _DRIFTS
    best, c, n0, _ = sought(sync, _CHANNELS[0], _TIMES, *fine)
    if explained(header.nodes, c, n0):
        return best, _CHANNELS[0], n0
    start = _still(sync, header.nodes)
    for kind in _CHANNELS:
        # Where h does not hold from one chirp to the other, or each chirp's strongest peak was another echo, the
        # header was read with a time and a carrier that may be far off; now that it is known, nothing else fits it.
        best, *_ = sought(start, kind, *wide)
        best, *_ = sought(best, kind, *narrow)
        best, c, n0, power = sought(best, kind, _NONE, *fine)
        if kind is _CHANNELS[0]:
            levels = power, n0
            if explained(header.nodes, c, n0):
                return best, kind, n0
        evidence = float(log_evidences(kind.models, header.nodes, c[:, None], *levels).max())
        # a steady channel's carrier is never found quite
        found.append((evidence * (1 + SELF_NOISE * kind.drifts), best, kind))
    (_, other, slower), (_, best, kind) = sorted(found, key=lambda entry: entry[0])[-2:]
    # An echo turns a chirp against its copy as a fast channel would.
    if kind is _CHANNELS[-1] and has_echoes(window, symbols, other, best):
        return other, slower, n0
    return best, kind, n0


def _search(
    heard: Correlations,
    sync: Sync,
    count: int | None = None,
    times: np.ndarray = _NONE,
    ppms: np.ndarray = _NONE,
    cfos: np.ndarray = _NONE,
    drifts: np.ndarray = _NONE,
    *,
    models: tuple[Model, ...],
    n0: float,
) -> Sync:
    """The best of the candidates that are so much after `sync`, interpolated; each array is equally spaced.

    By the first `count` nodes. `times` and `ppms` go together. A drift leaves the known symbols' mean carrier as it is.
    """
    times, ppms = np.broadcast_arrays(times, ppms)
    nodes = Nodes(*(of[:count] for of in heard.nodes))
    c = heard.about(sync, times, ppms, count)
    power = power_of(square(c[:, len(times) // 2]), nodes.energies, n0)
    bend, places = _bend(nodes), nodes.places[:, None]
    c = product(c[:, :, None], np.exp(-2j * np.pi * turns(-bend * drifts, drifts, places))[:, None])
    turn = np.exp(-2j * np.pi * turns(cfos, 0.0, places))
    evidence = log_evidences(models, nodes, c.reshape(len(c), -1), power, n0, turn)
    evidence = evidence.reshape(len(models), len(times), len(drifts), len(cfos))
    evidence -= 0.5 * ((sync.ppm + ppms) / TYPICAL_PPM)[:, None, None] ** 2
    evidence -= 0.5 * ((sync.drift + drifts) / TYPICAL_DRIFT)[:, None] ** 2
    m, k, d, f = np.unravel_index(np.argmax(evidence), evidence.shape)
    time, ppm = (_at(values, k + vertex(evidence[m, :, d, f], k)) for values in (times, ppms))
    drift = _at(drifts, d + vertex(evidence[m, k, :, f], d))
    cfo = _at(cfos, f + vertex(evidence[m, k, d], f)) - bend * drift
    return Sync(sync.time + time, sync.cfo + cfo, sync.ppm + ppm, sync.drift + drift)


def _bend(nodes: Nodes) -> float:
    """Carrier that takes the place of a drift of one at these places, as well as a carrier can."""
    t, e = nodes
    from_centre = e * (t - np.average(t, weights=e))
    return 0.5 * float(np.sum(from_centre * t**2) / np.sum(from_centre * t))


def _still(sync: Sync, nodes: Nodes) -> Sync:
    """Without its drift, the carrier where these places have it."""
    return sync._replace(cfo=sync.cfo + _bend(nodes) * sync.drift, drift=0.0)


def _tilted(ppms: np.ndarray, about: float) -> tuple[np.ndarray, np.ndarray]:
    """Times and clocks of which the time at place `about` stays."""
    return -1e-6 * about * ppms, ppms


def _at(values: np.ndarray, index: float | np.floating) -> float:
    """Between two of `values`."""
    return float(np.interp(index, np.arange(len(values)), values))


def _average(
    nodes: Nodes, c: np.ndarray, levels: tuple[float, float], models: tuple[Model, ...], places: np.ndarray
) -> Channel:
    """h at `places`, averaged over equally likely models (Hoeting et al., Statistical Science 14(4), 1999)."""
    n0, power = fit(levels)
    evidence = log_evidences(models, nodes, c[:, None], power, n0).ravel()
    mean, second = np.zeros(len(places), complex), np.zeros(len(places))
    for weight, model in zip(special.softmax(evidence), models, strict=True):
        if weight > _NEGLIGIBLE:
            h, variance = model.estimate(nodes, c, power, n0, places)
            mean += weight * h
            second += weight * (square(h) + variance)
    return Channel(mean, second - square(mean), levels[0], power, models[int(np.argmax(evidence))])
