"""An utterance's symbols as a transmitter sends them: bursts at a level, limited to full scale, silence around each."""

from typing import NamedTuple

import numpy as np

from . import impair, utterance
from .pulse import SAMPLES_PER_SYMBOL

LEVEL_DB = -12.0  # of the payload, dB of full scale: its peaks are some 10 dB higher


class Framed(NamedTuple):
    """A burst to be sent."""

    samples: np.ndarray  # complex64 [n], 4 a symbol, at most 1.0
    clipped: float  # share of its samples that the limiter touched


class Framer:
    """Symbols in, bursts out.

    Raises:
        ValueError: a level outside -60..0 dB, or a negative silence.
    """

    def __init__(self, level_db: float = LEVEL_DB, silence: int = 0) -> None:
        """`level_db`: mean power of the payload, dB of full scale; `silence`: samples before and behind each burst."""
        if silence < 0:
            raise ValueError(f"a silence of {silence} samples: it must be 0 or more")
        self.silence = silence
        self.set_level_db(level_db)

    def set_level_db(self, level_db: float) -> None:
        """From the next utterance on."""
        if not -60 <= level_db <= 0:
            raise ValueError(f"a level of {level_db} dB of full scale: it must be from -60 to 0")
        self.level_db = float(level_db)

    def __call__(self, symbols: np.ndarray, codec: int, user_id: int, seq: int) -> list[Framed]:
        """The bursts of an utterance: symbols complex64 [20 * frames], E|x|^2 = 1.

        Raises:
            ValueError: no whole number of frames, or more than fit into `utterance.MAX_PARTS` bursts.
        """
        framed = []
        for samples in utterance.split(symbols, codec, user_id, seq):
            samples = gain(self.level_db) * samples
            clipped = float(np.mean(np.abs(samples) > 1))
            framed.append(Framed(np.pad(impair.clip(samples, 1.0), self.silence), clipped))
        return framed


def gain(level_db: float) -> np.float32:
    """What samples whose payload has unit energy a symbol are multiplied with, so that it has a mean power, dB."""
    return np.float32(np.sqrt(SAMPLES_PER_SYMBOL) * 10 ** (level_db / 20))
