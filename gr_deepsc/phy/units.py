"""Signal and noise as radio people state them: C/N0 and SNR in 3 kHz of what is on the air, while it is on the air.

Es/N0 is of one symbol of the payload, on average. A burst's known and header symbols are stronger (`frame.STRENGTH`),
so its mean power, which a meter reads and a licence limits, is more than Es times the symbol rate: by `OnAir.energy`
over `OnAir.symbols`. Silence between bursts does not count; what a second of speech or a word costs, with all
symbols counted, is `energy_n0_db` a second or a word.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .frame import GUARD, STRENGTH, Layout

REFERENCE_BANDWIDTH = 3000.0  # Hz: a single-sideband voice channel, in which radio amateurs state SNR
_RISE = 0.375  # mean energy of a ramp or tail, whose amplitudes rise by sin^2, over that of a known symbol


class OnAir(NamedTuple):
    """What is sent of one burst or several.

    >>> sent = on_air([Layout(125)])  # 2,500 symbols of payload
    >>> sent.energy / sent.symbols > 1.1, round(sent.cn0_dbhz(0.0, 1200) - energy_n0_db(0.0, 1200), 1) > 0.4
    (True, True)
    """

    symbols: int  # all of them, from the first of the ramp to the last of the tail
    energy: float  # in mean energies of a payload symbol, Es

    def cn0_dbhz(self, es_n0_db: float, symbol_rate: float) -> float:
        """Mean power while on the air over noise density, dB Hz: of Es/N0 (dB) at `symbol_rate` (symbols a second)."""
        return energy_n0_db(es_n0_db, symbol_rate * self.energy / self.symbols)


def on_air(layouts: Iterable[Layout]) -> OnAir:
    """All symbols of bursts and their energy; of a payload of unit energy a symbol.

    Ramp and tail follow assemble's amplitudes sin^2, whose squares have the mean 3/8.
    """
    symbols, energy = 0, 0.0
    for layout in layouts:
        symbols += layout.symbols
        energy += float(np.sum(np.abs(layout.known) ** 2)) + STRENGTH * len(layout.header) + len(layout.payload)
        energy += 2 * GUARD * _RISE * STRENGTH
    return OnAir(symbols, energy)


def energy_n0_db(es_n0_db: float, energy: float) -> float:
    """`energy` (> 0, in Es) over N0, dB; of a second's energy, dB Hz."""
    return float(es_n0_db + 10 * np.log10(energy))


def snr_3khz_db(cn0_dbhz: float) -> float:
    """Signal to noise ratio in 3 kHz, dB, of a carrier to noise density ratio, dB Hz."""
    return float(cn0_dbhz - 10 * np.log10(REFERENCE_BANDWIDTH))
