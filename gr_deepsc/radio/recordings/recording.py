"""One stream of samples, whatever it was recorded by, and what a person may say about a file beforehand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..iqfile.samples import Blemishes

IQ, AUDIO = "iq", "audio"
KINDS = (IQ, AUDIO)


class Hints(NamedTuple):
    """What a person says of a file; None is what the file says itself, or its content."""

    sample_rate: float | None = None  # Hz
    datatype: str | None = None  # of samples without a header
    channel: int | None = None  # from 1 on
    kind: str | None = None  # one of `KINDS`: what two channels are


@dataclass
class Recording:
    """`blocks(size)` gives its samples, complex64 or float32 [size], the last one shorter; again at each call."""

    path: str
    sample_rate: float  # Hz
    sample_count: int | None  # None: nobody knows before it is read
    real: bool  # the audio band, not I and Q
    blocks: Callable[[int], Iterator[np.ndarray]]
    center_frequency: float | None = None  # Hz
    symbol_rate: float | None = None  # Hz, `offset` as well: what gr-deepsc writes into its own recordings
    offset: float | None = None
    warnings: Blemishes = field(default_factory=Blemishes)  # more may come while it is read


class Channels(NamedTuple):
    """Channels beside each other, as a file has them: complex64 or float32 [size, number] blocks in order."""

    blocks: Callable[[int], Iterator[np.ndarray]]
    number: int
    sample_rate: float
