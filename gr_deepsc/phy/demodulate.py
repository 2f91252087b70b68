"""A burst's payload, symbol by symbol, once the burst is synchronised: through a flat channel, or out of its echoes."""

from typing import NamedTuple

import numpy as np

from . import multipath
from .exact import product, square
from .frame import Layout
from .multipath import Symbols
from .synchronise import Channel, Known, Sync, Window, flat_evidence

WORTH = 0.15  # power of echoes over N0 that is worth an equaliser: as noise they would cost 0.6 dB
FAINT = 1e-3  # of all power: echoes that no payload needs to be rid of, however little noise there is


class Payload(NamedTuple):
    """z = rho x + noise of variance rho (1 - rho), in the order of sending, and how the pilots were received."""

    z: np.ndarray  # complex64 [20 * frames]
    rho: np.ndarray  # float32 [20 * frames]
    es_n0: float
    evm: float  # rms error of the payload's pilots over their amplitude; infinite where none was received
    channel: str


def flat(window: Window, known: np.ndarray, layout: Layout, sync: Sync, channel: Channel) -> Payload:
    """MMSE with an estimated h: what the estimate leaves open is noise as well."""
    y = window.at(layout.payload, sync)
    power = square(channel.h)
    total = power + channel.variance + channel.n0
    z = product(np.conj(channel.h), y) / total
    pilots = _pilots(layout, known)
    expected = product(np.interp(pilots, layout.payload, channel.h), known[pilots])
    evm = _evm(window.at(pilots, sync) - expected, expected)
    return Payload(z, power / total, channel.power / channel.n0, evm, str(channel.model))


def through_echoes(window: Window, known: np.ndarray, layout: Layout, sync: Sync) -> Payload:
    """The same for a channel with echoes: `known` complex64 [end], 0 where unknown."""
    y, symbols, taps, levels = _undo(window, known, sync, 1.0)
    pilots = _pilots(layout, known)
    expected = multipath.passed(symbols, taps)[pilots]
    return Payload(
        symbols.mean[layout.payload],
        1 - symbols.variance[layout.payload],
        float(levels.powers.sum()) / levels.n0,
        _evm(y[pilots] - expected, expected),
        f"echoes over {multipath.span(levels)} symbols",
    )


def header_through_echoes(
    window: Window, known: np.ndarray, places: np.ndarray, energy: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """z and rho of a header's symbols of unit energy, sent with `energy`, and Es/N0."""
    _, symbols, _, levels = _undo(window, known, Sync(0.0, 0.0), energy)
    z, rho = symbols.mean[places] / np.sqrt(energy), 1 - symbols.variance[places] / energy
    return z, rho, float(levels.powers.sum()) / levels.n0


def pilots_evm(window: Window, layout: Layout, known: np.ndarray, sync: Sync, h: np.ndarray) -> float:
    """RMS error of the header's pilots over their amplitude, `h` complex [n] being known at the header's symbols."""
    pilots = layout.pilots[: layout.header_pilots]
    expected = product(np.interp(pilots, layout.header, h), known[pilots])
    return _evm(window.at(pilots, sync) - expected, expected)


def has_echoes(window: Window, header: np.ndarray, sync: Sync, flat: Sync | None = None) -> bool:
    """Whether a channel with echoes explains the known symbols better than any flat one: complex64 [n], all known.

    `flat`: how they are synchronised for a flat one, if not by `sync` as well.
    """
    y = window.at(np.arange(len(header)), sync).astype(complex)
    symbols = Symbols(header.astype(complex), np.zeros(len(header)))
    levels = multipath.profile(y, symbols)
    total = levels.powers.sum()
    if total - levels.powers[multipath.REACH] < max(WORTH * levels.n0, FAINT * total):
        return False
    echoes = multipath.likeliest(y, symbols, levels).evidence
    # log-likelihoods: evidence is over noise alone, and each has its own
    energy, n = float(np.sum(square(y))), len(y)
    echoes -= energy / levels.n0 + n * np.log(levels.n0)
    if flat is not None:
        y = window.at(np.arange(n), flat).astype(complex)
        energy = float(np.sum(square(y)))
    one, n0 = flat_evidence(Known(header), y)
    return echoes > one - energy / n0 - n * np.log(n0)


def _undo(
    window: Window, known: np.ndarray, sync: Sync, energy: float
) -> tuple[np.ndarray, Symbols, multipath.Taps, multipath.Profile]:
    """Received symbols, what is believed of those sent, the taps, and their profile; unknown ones have `energy`."""
    y = window.at(np.arange(len(known)), sync).astype(complex)
    symbols = Symbols(known.astype(complex), np.where(known == 0, energy, 0.0))
    levels = multipath.profile(y, symbols)
    taps = multipath.likeliest(y, symbols, levels)
    return y, multipath.equalise(y, symbols, taps, levels.n0), taps, levels


def _pilots(layout: Layout, known: np.ndarray) -> np.ndarray:
    """Places of the payload's pilots that were received."""
    pilots = layout.pilots[layout.header_pilots :]
    return pilots[known[pilots] != 0]


def _evm(error: np.ndarray, expected: np.ndarray) -> float:
    energy = float(np.sum(square(expected)))
    return float(np.sqrt(np.sum(square(error)) / energy)) if energy > 0 else np.inf
