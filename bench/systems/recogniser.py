"""The one recogniser that all systems share: the default model's encoder as far as its features P."""

from functools import cache

import numpy as np

from gr_deepsc.codec.decode import Decoder
from gr_deepsc.codec.encode import Encoder
from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.ctc.greedy import greedy, logarithms
from gr_deepsc.english import plain


@cache
def encoder() -> Encoder:
    """The default model's, loaded once a process."""
    return Encoder("default")


@cache
def decoder(kind: str) -> Decoder:
    """The default model's, greedy or beam, loaded once a process."""
    return Decoder("default", decoder=kind)


def transmitter() -> FramewiseEncoder:
    """The default model's semantic encoder."""
    return encoder().framewise


def features(samples: np.ndarray) -> np.ndarray:
    """Speech float32 [samples] at 16 kHz -> P float32 [frames, 29]."""
    return transmitter()(samples)[1]


def text_of(probabilities: np.ndarray) -> str:
    """Greedy CTC decoding of P float32 [frames, 29]."""
    return greedy(logarithms(probabilities))[0]


def spell(samples: np.ndarray) -> str:
    """Speech float32 [samples] at 16 kHz -> text as the codec with context sends it."""
    return plain(encoder().spell(samples, features(samples)).text)


def recognise(samples: np.ndarray) -> str:
    """Speech float32 [samples] at 16 kHz -> text."""
    return text_of(features(samples))
