"""From speech to an utterance's symbols without GNU Radio."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from .beam import SPELLING, Beam
from .contextual import ContextualEncoder
from .emissions import spelt
from .features import SYMBOL_RATE
from .model import Transmitter, codec_id
from .rates import AUTO, CHOICES, CODECS, DEFAULT, PAPER, TARGET_DB, rate_for
from .text import logarithms


class Encoded(NamedTuple):
    """What is sent of an utterance."""

    symbols: np.ndarray  # complex64 [20 * frames], E|x|^2 = 1
    features: np.ndarray  # float32 [frames of 40 ms, 29], the probabilities P
    codec: int  # for the header
    rate: int  # nominal symbols a second of speech


class Encoder:
    """What the Semantic Encoder block does with an utterance: semantic encoder and one of the channel encoders.

    Before the codec with context a beam decoder reads the features: whoever sends characters decides what they are, and
    the sender hears best.
    """

    def __init__(
        self,
        model: str | Path = "default",
        rate: str | int = DEFAULT,
        target_snr_db: float = TARGET_DB,
        provider: str = "CPUExecutionProvider",
    ):
        """Load the model's transmitter and the encoder with context.

        Args:
            model: name or folder.
            rate: one of `rates.CHOICES`: symbols a second of speech; "auto", the lowest rate for `target_snr_db`; or
                "paper", the model's own codec, frame by frame, 500 a second.
            target_snr_db: Es/N0 in dB that the weakest receiver has; for "auto".

        Raises:
            ValueError: no such rate. Further errors as of `gr_deepsc.model.Transmitter`.
        """
        self.transmitter = Transmitter(model, provider)
        self._contextual = ContextualEncoder(model, provider)
        self._spell = Beam(*SPELLING)
        self.set_rate(rate, target_snr_db)

    def set_rate(self, rate: str | int, target_snr_db: float = TARGET_DB) -> None:
        """From the next utterance on."""
        if str(rate) not in CHOICES:
            raise ValueError(f"a rate of {rate!r} is none of {', '.join(CHOICES)}")
        self._rate = str(rate_for(target_snr_db) if rate == AUTO else rate)

    def __call__(self, waveform: np.ndarray) -> Encoded:
        """Encode float32 [samples] at 16 kHz; an utterance that is too long for the rate is sent at the next lower.

        Raises:
            ValueError: there are no samples.
        """
        return self.at_rate(waveform, self._rate)

    def at_rate(self, waveform: np.ndarray, rate: str) -> Encoded:
        """The same at one of `rates.CHOICES` but "auto"."""
        symbols, features = self.transmitter(waveform)
        if rate == PAPER:
            return Encoded(symbols, features, codec_id(self.transmitter.contract.pair), SYMBOL_RATE)
        symbols, codec = self._contextual(spelt(features, self.spell(features)), int(rate))
        return Encoded(symbols, features, codec, CODECS[codec])

    def spell(self, features: np.ndarray) -> str:
        """The text of features float32 [frames, 29], with the language model's help."""
        return self._spell(logarithms(features))
