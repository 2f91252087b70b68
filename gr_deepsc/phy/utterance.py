"""Utterances and their bursts: a long one is sent as several, which the receiver joins by sequence number."""

import itertools
from typing import NamedTuple

import numpy as np

from ..framing import SYMBOLS_PER_FRAME
from . import pieces, units
from .burst import Burst, modulate
from .frame import MAX_FRAMES, Layout
from .header import Header
from .pieces import Heard, Piece, Pieces
from .preamble import LONG, Preamble
from .units import OnAir

SEQUENCE = 32  # utterances are counted modulo this
MAX_PARTS = 4  # bursts of one utterance: 60 s
MAX_SYMBOLS = MAX_PARTS * MAX_FRAMES * SYMBOLS_PER_FRAME  # of one utterance
MAX_WAITING = 64  # utterances of which a burst is still missing
PATIENCE = 2.0  # longest bursts that may pass before a missing one is given up


class Reception(NamedTuple):
    """What a receiver made of one utterance's bursts. `missing` bursts are in `symbols` as zeros of no reliability."""

    user_id: int
    seq: int  # modulo 32
    codec: int
    symbols: np.ndarray  # complex64 [20 * frames]
    reliability: np.ndarray  # float32 [20 * frames]
    bursts: list[Burst]  # those that came, in order
    missing: int
    piece: Piece | None = None  # of an utterance that is sent while it is spoken
    came: bool = True  # or it is known only that this piece, the last, did not


def split(
    symbols: np.ndarray, codec: int, user_id: int, seq: int, preamble: Preamble = LONG, piece: Piece | None = None
) -> list[np.ndarray]:
    """The samples of an utterance's bursts, as equal in length as can be: complex64 [20 * frames] -> complex64 [n].

    Args:
        piece: which one it is of an utterance that is sent in pieces; the symbols are its own, for one burst.

    Raises:
        ValueError: no whole number of frames, or more than `MAX_PARTS` bursts; a piece of more than one burst, or of a
            codec that is not sent in pieces.
    """
    frames, rest = divmod(len(symbols), SYMBOLS_PER_FRAME)
    parts = len(lengths(frames))
    if piece is not None:
        if rest or parts != 1 or codec + pieces.OFFSET not in pieces.CODECS:
            raise ValueError(f"{len(symbols)} symbols of the codec {codec} as a piece: needed is one burst, 8 to 10")
        part = piece.part % pieces.COUNTED
        head = Header(codec + pieces.OFFSET, user_id, seq % SEQUENCE, part, piece.last, frames)
        return [modulate(head, symbols, preamble)]
    if rest or not 1 <= parts <= MAX_PARTS:
        raise ValueError(
            f"{len(symbols)} symbols: needed are {SYMBOLS_PER_FRAME} a frame and 1 to {MAX_PARTS * MAX_FRAMES} frames"
        )
    bounds = np.cumsum([0, *lengths(frames)]).tolist()
    return [
        modulate(
            Header(codec, user_id, seq % SEQUENCE, k, k == parts - 1, stop - start),
            symbols[SYMBOLS_PER_FRAME * start : SYMBOLS_PER_FRAME * stop],
            preamble,
        )
        for k, (start, stop) in enumerate(itertools.pairwise(bounds))
    ]


def lengths(frames: int, bursts: int = 1) -> list[int]:
    """Frames of each burst of an utterance of so many: as equal as can be, `bursts` at least if there are so many."""
    parts = max(-(-frames // MAX_FRAMES), min(bursts, frames))
    return [frames * (k + 1) // parts - frames * k // parts for k in range(parts)]


def on_air(symbols: int, preamble: Preamble, bursts: int = 1) -> OnAir:
    """All symbols of an utterance's bursts, for `symbols` of payload: ramps, chirps, headers and pilots as well.

    Of one that came in pieces, `bursts`, as if they were equally long: some symbols more or less.
    """
    return units.on_air(Layout(each, preamble) for each in lengths(symbols // SYMBOLS_PER_FRAME, bursts))


class Joiner:
    """Collects the bursts of each utterance. An utterance that misses bursts is given out late, but not lost."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int, int], dict[int, Burst]] = {}
        self._pieces = Pieces()

    def push(self, burst: Burst) -> list[Reception]:
        """The utterances that this burst completes, or that it ends: a user sends one at a time."""
        key = (burst.header.user_id, burst.header.seq, burst.header.codec)
        done = [self._give_out(k) for k in list(self._waiting) if k[0] == key[0] and k != key]
        if burst.header.codec in pieces.CODECS:
            return done + [_piece(heard) for heard in self._pieces.push(burst)]
        done += [_piece(heard) for heard in self._pieces.end(key[0])]
        parts = self._waiting.setdefault(key, {})
        # the next utterance but 31 of the same number: bursts of one are equally long, give or take a frame
        if burst.header.part in parts or any(abs(b.header.frames - burst.header.frames) > 1 for b in parts.values()):
            done.append(self._give_out(key))
            parts = self._waiting.setdefault(key, {})
        parts[burst.header.part] = burst
        if any(b.header.last and len(parts) == b.header.part + 1 for b in parts.values()):
            done.append(self._give_out(key))
        while len(self._waiting) > MAX_WAITING:
            done.append(self._give_out(next(iter(self._waiting))))
        return done

    def expire(self, now: float, longest: float, patience: float = np.inf) -> list[Reception]:
        """Those whose missing bursts will not come any more, at sample `now`; a longest burst has `longest` samples.

        Of an utterance in pieces none comes any more `patience` samples behind the latest.
        """
        ended = [_piece(heard) for heard in self._pieces.expire(now, patience)]
        newest = {k: max(b.start + b.samples for b in parts.values()) for k, parts in self._waiting.items()}
        return ended + [self._give_out(k) for k, end in newest.items() if now - end > PATIENCE * longest]

    def flush(self) -> list[Reception]:
        """The stream has ended: all that wait."""
        ended = [_piece(heard) for heard in self._pieces.flush()]
        return ended + [self._give_out(key) for key in list(self._waiting)]

    def _give_out(self, key: tuple[int, int, int]) -> Reception:
        parts = self._waiting.pop(key)
        last = [p for p, burst in parts.items() if burst.header.last]
        count = min(max(last[0] + 1 if last else 0, max(parts) + 1 + (not last)), MAX_PARTS)
        blank = max(burst.header.frames for burst in parts.values()) * SYMBOLS_PER_FRAME
        symbols, reliability = [], []
        for p in range(count):
            symbols.append(parts[p].symbols if p in parts else np.zeros(blank, np.complex64))
            reliability.append(parts[p].reliability if p in parts else np.zeros(blank, np.float32))
        bursts = [parts[p] for p in sorted(parts)]
        return Reception(*key, np.concatenate(symbols), np.concatenate(reliability), bursts, count - len(parts))


def _piece(heard: Heard) -> Reception:
    """A piece by itself; of one that did not come a frame of which nothing is known."""
    burst, nothing = heard.burst, np.zeros(SYMBOLS_PER_FRAME, np.complex64)
    head = burst.header
    symbols, reliability = (burst.symbols, burst.reliability) if heard.came else (nothing, nothing.real)
    whose = head.user_id, head.seq, head.codec - pieces.OFFSET
    return Reception(*whose, symbols, reliability, [burst], heard.missing, heard.piece, heard.came)
