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
from ..text import ALPHABET, BLANK, TOKENS
from .rates import CODECS, RATES

MOST = max(RATES.values())
SHIPPED = MODELS / "contextual"

_SILENCE = np.eye(TOKENS, dtype=np.float32)[BLANK]


def frames_for(characters: int, rate: int) -> int:
    """Frames of payload, of 20 symbols, for so many characters: equally many in each burst.

    So that a receiver knows how many a missing burst had.
    """
    frames = -(-max(characters, 1) * RATES[rate] // SYMBOLS_PER_FRAME)
    bursts = -(-frames // MAX_FRAMES)
    return -(-frames // bursts) * bursts


class _Half:
    """One of the two ONNX files, its contract checked."""

    def __init__(self, kind: str, model: str | Path, provider: str):
        folder = locate(model)
        path = (folder if (folder / f"{kind}.onnx").is_file() else SHIPPED) / f"{kind}.onnx"
        rates = json.dumps(list(RATES.items()))
        wanted = {"kind": f"contextual {kind}", "vocabulary": ALPHABET, "rates": rates}
        self._session, _ = open_model(path, wanted, provider=provider)


class ContextualEncoder(_Half):
    """Spikes of CTC in, complex symbols out."""

    def __init__(self, model: str | Path = "default", provider: str = PROVIDER):
        """Load encoder.onnx of the model's folder, or the shipped one.

        Raises:
            FileNotFoundError: there is no such model.
            ContractError: the file is no such codec.
            RuntimeError: this ONNX Runtime has no such provider.
        """
        super().__init__("encoder", model, provider)

    def __call__(self, spikes: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
        """Encode an utterance.

        Args:
            spikes: float32 [characters, 29], as of `ctc.spikes.spelt` or `ctc.spikes.collapse`.
            rate: one of `RATES`; if the utterance is too long for it, the next lower one is taken.

        Returns:
            symbols: complex64 [20 * frames], E|x|^2 = 1.
            codec: the number for the header.

        Raises:
            ValueError: no such rate, or the utterance is too long for any.
        """
        if rate not in RATES:
            raise ValueError(f"a rate of {rate} symbols a second is none of {', '.join(map(str, RATES))}")
        lower = [each for each in RATES if each <= rate]
        fitting = [each for each in lower if frames_for(len(spikes), each) <= MAX_PARTS * MAX_FRAMES]
        if not fitting:
            raise ValueError(f"{len(spikes)} characters are more than fit into {MAX_PARTS} bursts")
        rate = fitting[0]
        k, n = RATES[rate], SYMBOLS_PER_FRAME * frames_for(len(spikes), rate)
        padded = np.tile(_SILENCE, (n // k, 1))  # the burst's last characters are blanks, if there is room
        padded[: len(spikes)] = spikes
        feed = {"emissions": padded[None], "rate": np.array(CODECS.index(rate))}
        sent = self._session.run(None, feed)[0][0, :, :k].reshape(-1, 2)
        symbols = np.zeros(n, np.complex64)
        symbols[: len(sent)] = np.sqrt(n / len(sent)) * (sent[:, 0] + 1j * sent[:, 1])
        return symbols, CODECS.index(rate)


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
            codec: of the header.

        Returns:
            float32 [2 * characters, 29], natural logarithms, to be read as CTC's: of each character sent, and of one
            that may have been left out behind it.

        Raises:
            ValueError: n is no multiple of 20, is 0, or differs between the two; or there is no such codec.
        """
        n = len(symbols)
        if n == 0 or n % SYMBOLS_PER_FRAME or len(reliability) != n:
            raise ValueError(
                f"{n} symbols and {len(reliability)} reliabilities: needed is a positive multiple of "
                f"{SYMBOLS_PER_FRAME}"
            )
        if not 0 <= codec < len(CODECS):
            raise ValueError(f"codec {codec} is none of 0 to {len(CODECS) - 1}")
        k = RATES[CODECS[codec]]
        count = n // k
        if count == 0:
            return np.zeros((0, TOKENS), np.float32)
        z = np.zeros((1, count, MOST, 2), np.float32)
        rho = np.zeros((1, count, MOST), np.float32)
        sent = np.sqrt(np.float32(count * k / n)) * np.ascontiguousarray(symbols[: count * k], np.complex64)
        z[0, :, :k] = sent.view(np.float32).reshape(count, k, 2)
        rho[0, :, :k] = reliability[: count * k].reshape(count, k)
        feed = {"symbols": z, "reliability": rho, "rate": np.array(codec)}
        return self._session.run(None, feed)[0][0]
