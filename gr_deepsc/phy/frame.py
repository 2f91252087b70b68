"""The burst's layout: which symbol is where.

    ramp 4 | chirp up 144 | header 448, 56 pilots | chirp down 144 | payload 20 a frame, pilots | tail 4
    ramp 4 | chirp up  56 | header 144, 18 pilots | chirp down  56 | payload 20 a frame, pilots | tail 4

A pilot follows every 8th symbol of the header, every 16th of the payload, and their last: the header has to be read
in a channel of which nothing is known yet. Between the chirps is where it is known best: interpolated, not
extrapolated. Chirps, header and pilots have one modulus and are sent with
`STRENGTH` times the payload's mean energy: the payload's own peaks are higher, so an amplifier that is limited by
its peaks loses nothing.

The payload is interleaved over the whole burst: the 20 symbols of a frame lie a twentieth of the burst apart, and a
fade costs every frame a little instead of some frames everything.
"""

from functools import cached_property

import numpy as np

from ..framing import SYMBOLS_PER_FRAME
from .preamble import LONG, Preamble

HEADER_PILOT_EVERY = 8  # symbols of the header before a pilot
PILOT_EVERY = 16  # symbols of the payload before a pilot
STRENGTH = 1.5  # energy of a known or a header symbol over the payload's mean: 1.76 dB
GUARD = 4  # symbols of ramp, and of tail
MAX_FRAMES = 375  # 15 s of speech; what is longer is split into several bursts

_PILOTS = 1021  # a prime: length of the Zadoff-Chu sequence that the pilots are read from


def pilot_sequence(count: int) -> np.ndarray:
    """The first pilots of a burst: complex64 [count], |.| = 1, Zadoff-Chu of root 25 (Chu 1972)."""
    k = np.arange(count)
    return np.exp(-1j * np.pi * (25 * k * (k + 1) % (2 * _PILOTS)) / _PILOTS).astype(np.complex64)


def interleave(payload: np.ndarray) -> np.ndarray:
    """In the order of sending: the first symbols of all frames, then the second ones, ..."""
    return payload.reshape(-1, SYMBOLS_PER_FRAME).T.ravel()


def deinterleave(payload: np.ndarray) -> np.ndarray:
    """Undo `interleave`, of symbols or of anything else that comes one a symbol."""
    return payload.reshape(SYMBOLS_PER_FRAME, -1).T.ravel()


class Layout:
    """Where the symbols of a burst of `frames` frames are; place 0 is the first chirp's first symbol."""

    def __init__(self, frames: int, preamble: Preamble = LONG):
        self.frames, self.preamble = frames, preamble
        # places, int [n] each
        self.header, header_pilots = _with_pilots(preamble.chirp, preamble.header, HEADER_PILOT_EVERY)
        self.down = int(header_pilots[-1]) + 1  # the second chirp's first symbol
        self.begin = self.down + preamble.chirp  # of payload and its pilots
        self.payload, payload_pilots = _with_pilots(self.begin, SYMBOLS_PER_FRAME * frames, PILOT_EVERY)
        self.header_pilots = len(header_pilots)
        self.pilots = np.concatenate([header_pilots, payload_pilots])
        self.end = int(self.pilots[-1]) + 1  # the place of the tail

    @property
    def symbols(self) -> int:
        """All symbols of the burst, ramp and tail included."""
        return self.end + 2 * GUARD

    @property
    def overhead(self) -> float:
        """Share of the symbols that are not payload."""
        return 1 - len(self.payload) / self.symbols

    @cached_property
    def known(self) -> np.ndarray:
        """complex64 [end]: what the receiver knows beforehand, 0 elsewhere."""
        known = np.zeros(self.end, np.complex64)
        known[: self.preamble.chirp], known[self.down : self.begin] = self.preamble.up, self.preamble.down
        known[self.pilots] = pilot_sequence(len(self.pilots))
        return np.sqrt(np.float32(STRENGTH)) * known

    def with_header(self, header: np.ndarray) -> np.ndarray:
        """`known`, and the header's symbols (complex64 [preamble.header], |.| = 1) as well."""
        known = self.known.copy()
        known[self.header] = np.sqrt(np.float32(STRENGTH)) * header
        return known


def assemble(header: np.ndarray, payload: np.ndarray, preamble: Preamble = LONG) -> np.ndarray:
    """All symbols of a burst, ramp first: complex64 [preamble.header] and [20 * frames] -> complex64 [n]."""
    layout = Layout(len(payload) // SYMBOLS_PER_FRAME, preamble)
    symbols = layout.with_header(header)
    symbols[layout.payload] = interleave(payload)
    rise = np.sin(np.pi / 2 * (np.arange(GUARD) + 0.5) / GUARD) ** 2
    ramp = rise * np.sqrt(STRENGTH) * preamble.sweep(np.arange(-GUARD, 0))
    tail = rise[::-1] * symbols[-1]
    return np.concatenate([ramp, symbols, tail]).astype(np.complex64)


def _with_pilots(start: int, count: int, every: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of `count` symbols from `start` on, and of the pilots among them."""
    k = np.arange(count)
    places = start + k + k // every
    last = np.append(k[every - 1 :: every], [] if count % every == 0 else count - 1)
    return places, places[last.astype(int)] + 1
