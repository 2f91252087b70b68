"""The channel codec with context: characters instead of frames, at several rates, each character a few symbols.

Its two ONNX files belong to no recogniser: what they are given are probabilities of characters. They lie beside a
model's own files, or the shipped ones are taken.
"""

import json
from pathlib import Path

import numpy as np

from ..framing import SYMBOLS_PER_FRAME
from ..phy.frame import MAX_FRAMES
from ..phy.utterance import MAX_PARTS
from ..session import MODELS, PROVIDER, locate, open_model
from ..text import NOTHING, WRITTEN, WRITTEN_TOKENS
from .rates import CODECS, RATES

MOST = max(RATES.values())
SHIPPED = MODELS / "contextual"

_NUMBERS = {rate: codec for codec, rate in CODECS.items()}
_NOTHING = np.eye(WRITTEN_TOKENS, dtype=np.float32)[[NOTHING]]


def frames_for(characters: int, rate: int) -> int:
    """Frames of payload, of 20 symbols, for so many characters: equally many in each burst.

    So that a receiver knows how many a missing burst had.
    """
    frames = -(-max(characters, 1) * RATES[rate] // SYMBOLS_PER_FRAME)
    bursts = -(-frames // MAX_FRAMES)
    return -(-frames // bursts) * bursts


def by_character(symbols: np.ndarray, reliability: np.ndarray, each: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """What a decoder is given of an utterance of which each character is so many symbols, of `most` there are room for.

    Returns:
        Symbols float32 [1, characters, most, 2] and reliability float32 [1, characters, most], zero where none is sent.

    Raises:
        ValueError: the number of symbols is no positive multiple of 20, or differs between the two.
    """
    n = len(symbols)
    if n == 0 or n % SYMBOLS_PER_FRAME or len(reliability) != n:
        raise ValueError(
            f"{n} symbols and {len(reliability)} reliabilities: needed is a positive multiple of {SYMBOLS_PER_FRAME}"
        )
    count = n // each
    z = np.zeros((1, count, most, 2), np.float32)
    rho = np.zeros((1, count, most), np.float32)
    if count:
        sent = np.sqrt(np.float32(count * each / n)) * np.ascontiguousarray(symbols[: count * each], np.complex64)
        z[0, :, :each] = sent.view(np.float32).reshape(count, each, 2)
        rho[0, :, :each] = reliability[: count * each].reshape(count, each)
    return z, rho


class _Half:
    """One of the two ONNX files, its contract checked."""

    def __init__(self, kind: str, model: str | Path, provider: str):
        folder = locate(model)
        path = (folder if (folder / f"{kind}.onnx").is_file() else SHIPPED) / f"{kind}.onnx"
        rates = json.dumps(list(RATES.items()))
        wanted = {"kind": f"contextual {kind}", "vocabulary": WRITTEN, "rates": rates}
        self._session, _ = open_model(path, wanted, provider=provider)


class ContextualEncoder(_Half):
    """Probabilities of characters in, complex symbols out."""

    def __init__(self, model: str | Path = "default", provider: str = PROVIDER):
        """Load encoder.onnx of the model's folder, or the shipped one.

        Raises:
            FileNotFoundError: there is no such model.
            ContractError: the file is no such codec.
            RuntimeError: this ONNX Runtime has no such provider.
        """
        super().__init__("encoder", model, provider)

    def __call__(self, letters: np.ndarray, rate: int, bursts: int = MAX_PARTS) -> tuple[np.ndarray, int]:
        """Encode an utterance.

        Args:
            letters: float32 [characters, 75], as of `said.letters`.
            rate: one of `RATES`; if the utterance is too long for it, the next lower one is taken.
            bursts: that it has to fit into.

        Returns:
            symbols: complex64 [20 * frames], E|x|^2 = 1.
            codec: the number for the header.

        Raises:
            ValueError: no such rate, or the utterance is too long for any.
        """
        if rate not in RATES:
            raise ValueError(f"a rate of {rate} symbols a second is none of {', '.join(map(str, RATES))}")
        if not len(letters):  # a frame that is too short for a character: nothing can be read in it
            return np.ones(SYMBOLS_PER_FRAME, np.complex64), _NUMBERS[max(RATES)]
        lower = [each for each in RATES if each <= rate]
        fitting = [each for each in lower if frames_for(len(letters), each) <= bursts * MAX_FRAMES]
        if not fitting:
            raise ValueError(f"{len(letters)} characters are more than fit into {bursts} burst{'s' * (bursts > 1)}")
        rate = fitting[0]
        k, n = RATES[rate], SYMBOLS_PER_FRAME * frames_for(len(letters), rate)
        padded = _NOTHING.repeat(n // k, axis=0)  # behind the last character, if there is room
        padded[: len(letters)] = letters
        feed = {"letters": padded[None], "rate": np.array(list(RATES).index(rate))}
        sent = self._session.run(None, feed)[0][0, :, :k].reshape(-1, 2)
        symbols = np.zeros(n, np.complex64)
        symbols[: len(sent)] = np.sqrt(n / len(sent)) * (sent[:, 0] + 1j * sent[:, 1])
        return symbols, _NUMBERS[rate]


class ContextualDecoder(_Half):
    """Equalised symbols and their reliability in, log-probabilities of the characters out."""

    def __init__(self, model: str | Path = "default", provider: str = PROVIDER):
        """Load decoder.onnx; as `ContextualEncoder`."""
        super().__init__("decoder", model, provider)

    def __call__(self, symbols: np.ndarray, reliability: np.ndarray, codec: int) -> np.ndarray:
        """Decode an utterance.

        Args:
            symbols: complex64 [n], as `phy.equalise` leaves them; n a positive multiple of 20.
            reliability: float32 [n], rho in 0..1.
            codec: of the header, one of `CODECS`.

        Returns:
            float32 [characters, 75], natural logarithms, of each character that was sent or of nothing.

        Raises:
            ValueError: n is no multiple of 20, is 0, or differs between the two; or there is no such codec.
        """
        if codec not in CODECS:
            raise ValueError(f"codec {codec} is none of {', '.join(map(str, CODECS))}")
        z, rho = by_character(symbols, reliability, RATES[CODECS[codec]], MOST)
        if not z.shape[1]:
            return np.zeros((0, WRITTEN_TOKENS), np.float32)
        feed = {"symbols": z, "reliability": rho, "rate": np.array(list(RATES).index(CODECS[codec]))}
        return self._session.run(None, feed)[0][0]
