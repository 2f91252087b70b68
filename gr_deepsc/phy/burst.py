"""Bursts as they are sent, and as they are received."""

from typing import NamedTuple

import numpy as np

from ..framing import SYMBOLS_PER_FRAME
from . import header
from .frame import assemble
from .header import Header
from .preamble import LONG, Preamble
from .pulse import shape


class Burst(NamedTuple):
    """A burst whose header was read: symbols for the receiver model, and what was found out about the channel."""

    header: Header
    symbols: np.ndarray  # complex64 [20 * frames], MMSE estimates in the order of the frames
    reliability: np.ndarray  # float32 [20 * frames], 0..1; 0 where the stream ended before the burst did
    start: float  # sample of the stream at which the first chirp's first symbol has its peak
    samples: int  # from `start` to the last symbol
    es_n0_db: float  # of the payload's symbols, mean over the burst
    cfo: float  # cycles a symbol, mean over the burst
    drift: float  # of the carrier, cycles a symbol^2
    clock_ppm: float  # > 0: the burst lasts longer by the receiver's clock than by the transmitter's
    evm: float  # rms error of the equalised pilots over their amplitude
    channel: str  # the model of the fading that explained the known symbols best
    received: float  # share of the payload that was in the stream
    realigned: int = 0  # samples that the stream had lost within the burst, made room for
    preamble: Preamble = LONG
    inverted: bool = False  # it came on the other sideband, or with I and Q exchanged


class Lost(NamedTuple):
    """A burst that was detected with certainty and of which nothing can be decoded."""

    error_type: str  # header_crc, header_version, header_illegal, overload, truncated
    error: str
    start: float
    cfo: float
    es_n0_db: float


def modulate(head: Header, payload: np.ndarray, preamble: Preamble = LONG) -> np.ndarray:
    """The samples of one burst: complex64, mean power of the payload 1 / 4 a sample.

    Args:
        payload: complex64 [20 * head.frames], E|x|^2 = 1, in the order of the frames.

    Raises:
        ValueError: the payload's length is not what the header says.
    """
    if len(payload) != SYMBOLS_PER_FRAME * head.frames:
        raise ValueError(f"{len(payload)} symbols for {head.frames} frames of {SYMBOLS_PER_FRAME}")
    return shape(assemble(header.encode(head, preamble), payload, preamble))
