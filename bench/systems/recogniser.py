"""The one recogniser that all systems share: the default model's semantic encoder and its reader.

What it makes of a recording is kept for the next system: reading takes longer than all that systems do themselves.
"""

from functools import cache, lru_cache

import numpy as np

from gr_deepsc.codec.decode import Decoder
from gr_deepsc.codec.encode import Encoded, Encoder
from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.codec.rates import PAPER
from gr_deepsc.ctc.greedy import greedy, logarithms
from gr_deepsc.english import plain
from gr_deepsc.reader.said import Said

KEPT = 64  # recordings


@cache
def encoder() -> Encoder:
    """The default model's, loaded once a process."""
    return Encoder("default")


@cache
def decoder() -> Decoder:
    """The default model's, loaded once a process."""
    return Decoder("default")


def transmitter() -> FramewiseEncoder:
    """The default model's semantic encoder."""
    return encoder().framewise


def features(samples: np.ndarray) -> np.ndarray:
    """Speech float32 [samples] at 16 kHz -> P float32 [frames, 29]."""
    return _features(samples.tobytes())


def said(samples: np.ndarray) -> Said:
    """Speech float32 [samples] at 16 kHz -> what the codec with context sends, as people write it."""
    return _said(samples.tobytes())


def spell(samples: np.ndarray) -> str:
    """The same text in small letters without punctuation, as systems that send text are given it."""
    return plain(said(samples).text)


def coded(samples: np.ndarray, rate: str) -> Encoded:
    """What the default model sends of speech at one of `gr_deepsc.codec.rates.CHOICES` but "auto"."""
    if rate == PAPER:
        return encoder().at_rate(samples, rate)
    return encoder().coded(said(samples), features(samples), int(rate))


def text_of(probabilities: np.ndarray) -> str:
    """Greedy CTC decoding of P float32 [frames, 29]: the paper's recogniser."""
    return greedy(logarithms(probabilities))[0]


def forget() -> None:
    """Keep nothing of what was read."""
    _features.cache_clear()
    _said.cache_clear()


@lru_cache(KEPT)
def _features(data: bytes) -> np.ndarray:
    found = transmitter().features(np.frombuffer(data, np.float32))
    found.flags.writeable = False
    return found


@lru_cache(KEPT)
def _said(data: bytes) -> Said:
    return encoder().spell(np.frombuffer(data, np.float32), _features(data))
