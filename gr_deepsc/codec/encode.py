"""From speech to an utterance's symbols without GNU Radio."""

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..ctc.beam import SPELLING, Beam
from ..ctc.greedy import logarithms
from ..ctc.spikes import certainty
from ..framing import SYMBOL_RATE
from ..phy.utterance import MAX_PARTS
from ..reader import AUTO as BY_MODEL
from ..reader import BEAM, CTC, READERS, WHISPER, WHISPER_GREEDY
from ..reader.checked import CheckedReader
from ..reader.said import Said
from ..session import MODELS, PROVIDER, locate
from .contextual import ContextualEncoder
from .framewise import FramewiseEncoder
from .letters import letters
from .rates import AUTO, CHOICES, CODECS, DEFAULT, PAPER, TARGET_DB, rate_for


class Encoded(NamedTuple):
    """What is sent of an utterance."""

    symbols: np.ndarray  # complex64 [20 * frames], E|x|^2 = 1
    features: np.ndarray  # float32 [frames of 40 ms, 29], the probabilities P
    codec: int  # for the header
    rate: int  # nominal symbols a second of speech


class Encoder:
    """What the Semantic Encoder block does with an utterance: semantic encoder and one of the channel encoders.

    Before the codec with context somebody reads: whoever sends characters decides what they are, and the sender hears
    best.

    >>> from gr_deepsc.speech import audio
    >>> encoder = Encoder(rate="130")
    >>> sent = encoder(audio.check(*audio.read("tests/samples/LJ002-0045.flac")))
    >>> sent.symbols.dtype, sent.rate, round(float(np.mean(np.abs(sent.symbols) ** 2)), 3)
    (dtype('complex64'), 130, 1.0)

    Attributes:
        framewise: the model's transmitter.
        reader: who reads for the codec with context: "whisper" or "whisper-greedy", Whisper's own decoder, held against
            the features; or "ctc", a beam search over the features.
        rate: one of `rates.CHOICES` but "auto".
    """

    def __init__(
        self,
        model: str | Path = "default",
        rate: str | int = DEFAULT,
        target_snr_db: float = TARGET_DB,
        provider: str = PROVIDER,
        reader: str = BY_MODEL,
    ):
        """Load the model's transmitter; what else a rate needs is loaded when it is first sent at.

        Args:
            model: name or folder.
            rate: one of `rates.CHOICES`: symbols a second of speech; "auto", the lowest rate for `target_snr_db`; or
                "paper", the model's own codec, frame by frame, 500 a second.
            target_snr_db: Es/N0 in dB that the weakest receiver has; for "auto".
            reader: one of `reader.READERS`; "auto" is "whisper" for the model default, "ctc" for any other.

        Raises:
            ValueError: no such rate or reader. Further errors as of `FramewiseEncoder`.
        """
        self.framewise = FramewiseEncoder(model, provider)
        self._model, self._provider = model, provider
        if reader not in READERS:
            raise ValueError(f"a reader {reader!r} is none of {', '.join(READERS)}")
        own = WHISPER if locate(model) == MODELS / "default" else CTC
        self.reader = own if reader == BY_MODEL else reader
        self.set_rate(rate, target_snr_db)

    def set_rate(self, rate: str | int, target_snr_db: float = TARGET_DB) -> None:
        """From the next utterance on."""
        if str(rate) not in CHOICES:
            raise ValueError(f"a rate of {rate!r} is none of {', '.join(CHOICES)}")
        self.rate = str(rate_for(target_snr_db) if rate == AUTO else rate)

    def __call__(self, waveform: np.ndarray) -> Encoded:
        """Encode float32 [samples] at 16 kHz; an utterance that is too long for the rate is sent at the next lower.

        Raises:
            ValueError: there are no samples.
        """
        return self.at_rate(waveform, self.rate)

    def at_rate(self, waveform: np.ndarray, rate: str) -> Encoded:
        """The same at one of `rates.CHOICES` but "auto"."""
        if rate == PAPER:
            symbols, features = self.framewise(waveform)
            return Encoded(symbols, features, self.framewise.codec, SYMBOL_RATE)
        features = self.framewise.features(waveform)
        return self.coded(self.spell(waveform, features), features, int(rate))

    def coded(self, said: Said, features: np.ndarray, rate: int, bursts: int = MAX_PARTS) -> Encoded:
        """What was said, by the codec with context at one of `rates.RATES`, lower if the bursts are too few for it."""
        symbols, codec = self._contextual(letters(said), rate, bursts)
        return Encoded(symbols, features, codec, CODECS[codec])

    def spell(self, waveform: np.ndarray, features: np.ndarray) -> Said:
        """What is said in float32 [samples] with features float32 [frames, 29]."""
        if self.reader != CTC:
            return self._whisper(waveform, features)
        text = self._beam(logarithms(features))
        return Said(text, certainty(features, text))

    @cached_property
    def _contextual(self) -> ContextualEncoder:
        return ContextualEncoder(self._model, self._provider)

    @cached_property
    def _whisper(self) -> CheckedReader:
        return CheckedReader(beam=1 if self.reader == WHISPER_GREEDY else BEAM, provider=self._provider)

    @cached_property
    def _beam(self) -> Beam:
        return Beam(*SPELLING)
