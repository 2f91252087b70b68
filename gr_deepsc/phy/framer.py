"""An utterance's symbols as a transmitter sends them: bursts at a level, limited to full scale, silence around each."""

from typing import NamedTuple

import numpy as np

from . import impair, utterance
from .pieces import Piece
from .preamble import LONG, PREAMBLES, SHORT, Preamble
from .pulse import SAMPLES_PER_SYMBOL

LEVEL_DB = -12.0  # of the payload, dB of full scale: its peaks are some 10 dB higher
AUTO = "auto"  # of preambles: the one that suits the codec
CHOICES = (AUTO, *PREAMBLES)
_FOR_SHORT = {10}  # codecs that are read from -4.5 dB on: 130 symbols a second of speech


class Framed(NamedTuple):
    """A burst to be sent."""

    samples: np.ndarray  # complex64 [n], 4 a symbol, at most 1.0
    clipped: float  # share of its samples that the limiter touched


class Framer:
    """Symbols in, bursts out.

    Raises:
        ValueError: a level outside -60..0 dB, a negative silence, or no such preamble.
    """

    def __init__(self, level_db: float = LEVEL_DB, silence: int = 0, preamble: str = AUTO) -> None:
        """Set up.

        Args:
            level_db: mean power of the payload, dB of full scale.
            silence: samples before and behind each burst.
            preamble: one of `CHOICES`. "auto" is "short" for codecs that need an Es/N0 at which it is found: that saves
                energy and time. Where the channel fades, "long" is found more often.
        """
        if silence < 0:
            raise ValueError(f"a silence of {silence} samples: it must be 0 or more")
        if preamble not in CHOICES:
            raise ValueError(f"a preamble {preamble!r} is none of {', '.join(CHOICES)}")
        self.silence, self._preamble = silence, preamble
        self.set_level_db(level_db)

    def set_level_db(self, level_db: float) -> None:
        """From the next utterance on."""
        if not -60 <= level_db <= 0:
            raise ValueError(f"a level of {level_db} dB of full scale: it must be from -60 to 0")
        self.level_db = float(level_db)

    def __call__(
        self, symbols: np.ndarray, codec: int, user_id: int, seq: int, piece: Piece | None = None
    ) -> list[Framed]:
        """The bursts of an utterance: symbols complex64 [20 * frames], E|x|^2 = 1.

        Raises:
            ValueError: no whole number of frames, or more than fit into `utterance.MAX_PARTS` bursts; or a `piece` as
                `utterance.split` refuses it.
        """
        framed = []
        preamble = PREAMBLES.get(self._preamble, suiting(codec))
        for samples in utterance.split(symbols, codec, user_id, seq, preamble, piece):
            samples = gain(self.level_db) * samples
            clipped = float(np.mean(np.abs(samples) > 1))
            framed.append(Framed(np.pad(impair.clip(samples, 1.0), self.silence), clipped))
        return framed


def suiting(codec: int) -> Preamble:
    """The preamble that "auto" gives to bursts of this codec."""
    return SHORT if codec in _FOR_SHORT else LONG


def gain(level_db: float) -> np.float32:
    """What samples whose payload has unit energy a symbol are multiplied with, so that it has a mean power, dB."""
    return np.float32(np.sqrt(SAMPLES_PER_SYMBOL) * 10 ** (level_db / 20))
