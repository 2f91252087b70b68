"""From an utterance's symbols to its text without GNU Radio."""

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..ctc import DECODERS
from ..ctc.beam import SPELLING, Beam
from ..ctc.confidence import UNRELIABLE, Calibration, Word, calibrated, probabilities
from ..ctc.greedy import greedy
from ..phy.utterance import MAX_SYMBOLS
from ..session import PROVIDER
from .characters import Speller, spell
from .contextual import ContextualDecoder
from .former import FormerDecoder
from .framewise import FramewiseDecoder
from .rates import CODECS, FORMER

# By codec: the model's own, the former one and the one with context (python -m deepsc_export calibrate).
_PAPER, _FORMER, _CONTEXTUAL = Calibration(1.188, 2.23), Calibration(2.511, 2.025), Calibration(1.024, 2.919)

# Mean confidence of a text's words below which it is a guess, by their lengths: in what is made of noise short ones are
# sure of themselves. It refuses 4 of 468 texts of CER 0.15 or less (0.9 %) and catches 29 of 30 above 0.5: validation
# recordings through the whole modem, 520 and 130 symbols/s, AWGN and Rayleigh fading at and below the working points,
# and with lost samples that were not found. EVM and reliability tell far less.
RELIABLE = 0.40


class DecodeError(ValueError):
    """Symbols that this model cannot decode. `error_type` is wrong_model or too_long, the message says what to do."""

    def __init__(self, message: str, error_type: str = "wrong_model") -> None:
        super().__init__(message)
        self.error_type = error_type


class Reading(NamedTuple):
    """A received text."""

    text: str
    confidence: float  # 0..1, mean of the words'; 0 without any
    words: list[Word]
    error: str | None = None  # if it cannot be relied on
    error_type: str | None = None


NOTHING = Reading("", 0.0, [])


class Decoder:
    """What the Semantic Decoder block does with equalised symbols: the channel decoder they are for, and spelling.

    >>> from gr_deepsc.codec.encode import Encoder
    >>> from gr_deepsc.speech import audio
    >>> sent = Encoder()(audio.check(*audio.read("tests/samples/LJ002-0045.flac")))
    >>> Decoder()(sent.symbols, np.ones(len(sent.symbols), np.float32), sent.codec).text
    'The various wards were all about eleven feet in height.'

    Attributes:
        framewise: the model's receiver.
    """

    def __init__(self, model: str | Path = "default", provider: str = PROVIDER, decoder: str = DECODERS[0]):
        """Load the model's receiver; what another codec or the beam search needs is loaded when it is first needed.

        Args:
            model: name or folder.
            decoder: one of `ctc.DECODERS`: each step's likeliest token, or a beam search with a language model; "auto"
                is the search for the codec with context and greedy for the paper's.

        Raises:
            ValueError: no such decoder. Further errors as of `FramewiseDecoder`.
        """
        if decoder not in DECODERS:
            raise ValueError(f"decoder {decoder!r} is none of {', '.join(DECODERS)}")
        self.framewise = FramewiseDecoder(model, provider)
        self._model, self._provider, self._decoder = model, provider, decoder

    @property
    def codec(self) -> int:
        """The header's number of the model's own codec, the paper's."""
        return self.framewise.codec

    def check(self, codec: int) -> None:
        """Refuse the symbols of another model.

        Raises:
            DecodeError: `codec`, of the burst's header, is neither the model's nor of a codec with context.
        """
        if codec not in (self.codec, *CODECS, *FORMER):
            raise DecodeError(f"the burst's codec is {codec}, this decoder's {self.codec}; give both ends one model")

    def log_probs(self, symbols: np.ndarray, reliability: np.ndarray, codec: int) -> np.ndarray:
        """Log-probabilities: float32 [characters, 75], or [steps, 29] of CTC's tokens, by `codec`.

        Args:
            symbols: complex64 [n], as `phy.equalise` leaves them; n a positive multiple of 20.
            reliability: float32 [n], rho in 0..1.
            codec: of the burst's header.

        Raises:
            DecodeError: another model's symbols, or more than any utterance has.
            ValueError: n is no multiple of 20, is 0, or differs between the two.
        """
        self.check(codec)
        if len(symbols) > MAX_SYMBOLS:
            raise DecodeError(f"{len(symbols)} symbols: an utterance has {MAX_SYMBOLS} at most", "too_long")
        if codec == self.codec:
            return self.framewise(symbols, reliability)
        if codec in FORMER:
            return self._former(symbols, reliability, codec)
        return self._contextual(symbols, reliability, codec)

    def __call__(self, symbols: np.ndarray, reliability: np.ndarray, codec: int) -> Reading:
        """The text; arguments and errors as of `log_probs`."""
        return self.read(self.log_probs(symbols, reliability, codec), codec)

    def read(self, log_probs: np.ndarray, codec: int) -> Reading:
        """The text in log-probabilities of `log_probs`."""
        calibration = _CONTEXTUAL if codec in CODECS else _FORMER if codec in FORMER else _PAPER
        text, ln_p = self.spell(log_probs, codec)
        found = calibrated(text, ln_p, calibration)
        return judged(text, found)

    def spell(self, log_probs: np.ndarray, codec: int) -> tuple[str, np.ndarray]:
        """The text in log-probabilities of `log_probs`, and ln p of each word: float64 [words]."""
        beam = self._decoder == "beam" or (self._decoder == "auto" and codec != self.codec)
        if codec in CODECS:
            return self._speller(log_probs) if beam else spell(log_probs)
        text = self._beam(log_probs) if beam else greedy(log_probs)[0]
        return text, probabilities(log_probs, text)

    @cached_property
    def _contextual(self) -> ContextualDecoder:
        return ContextualDecoder(self._model, self._provider)

    @cached_property
    def _former(self) -> FormerDecoder:
        return FormerDecoder(self._provider)

    @cached_property
    def _speller(self) -> Speller:
        return Speller()

    @cached_property
    def _beam(self) -> Beam:
        return Beam(*SPELLING)


def judged(text: str, words: list[Word], gap: str | None = None) -> Reading:
    """A text of these words, with an error if it cannot be relied on; `gap` is none of its words."""
    found = [word for word in words if word.word != gap]
    confidence = float(np.mean([word.confidence for word in found])) if found else 0.0
    lengths = [len(word.word) for word in found]
    if not found or np.average([word.confidence for word in found], weights=lengths) >= RELIABLE:
        return Reading(text, confidence, words)
    error = f"the text is a guess (confidence {confidence:.2f}): too much was lost on the way; have it sent again"
    return Reading(text, confidence, words, error, UNRELIABLE)
