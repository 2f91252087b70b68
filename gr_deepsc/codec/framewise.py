"""The recogniser and the paper's channel codec, frame by frame: transmitter.onnx and receiver.onnx of one training."""

import zlib
from pathlib import Path

import numpy as np

from ..framing import HOP, SAMPLE_RATE, SYMBOLS_PER_FRAME
from ..session import PROVIDER, ContractError, locate, open_model
from ..speech import segment
from ..text import ALPHABET, BLANK


def codec_id(pair: str) -> int:
    """A pair's number in a burst's header, 4 to 7, by which a receiver knows whether it can decode the symbols.

    The lower ones are those of the codec with context (`rates.CODECS`).
    """
    return 4 | zlib.crc32(pair.encode()) & 3


class _Half:
    """One of a pair's two files, its contract checked.

    Attributes:
        name, version: of the model.
        pair: what both files of one training are called.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __init__(self, path: str | Path, provider: str = PROVIDER):
        """Load `path`, an .onnx file, a model's folder or a shipped model's name.

        Raises:
            FileNotFoundError: no such model; says what exists.
            ContractError: not a model of this kind, framing and alphabet.
            RuntimeError: this ONNX Runtime has no such provider; says which it has.
        """
        path = Path(path)
        if path.suffix != ".onnx":
            path = locate(path) / f"{self.kind}.onnx"
        wanted = {"kind": self.kind, "sample_rate": SAMPLE_RATE, "hop": HOP, "symbols_per_frame": SYMBOLS_PER_FRAME}
        wanted |= {"vocabulary": ALPHABET, "blank": BLANK}
        self._path = path
        self._session, self.contract = open_model(path, wanted, self.inputs, self.outputs, provider)
        self.name, self.pair, self.version = (self._said(key) for key in ("name", "pair", "version"))

    @property
    def codec(self) -> int:
        """The pair's number in a burst's header."""
        return codec_id(self.pair)

    def _said(self, key: str) -> str:
        """What the contract says of `key`, whatever it is.

        Raises:
            ContractError: nothing.
        """
        if not self.contract.get(key):
            raise ContractError(f"{self._path}: its metadata has no {key!r}: not a model of gr-deepsc")
        return self.contract[key]


class FramewiseEncoder(_Half):
    """Waveform in, the features P and the paper's symbols out."""

    kind = "transmitter"
    inputs = ("waveform",)
    outputs = ("symbols", "features")

    def __init__(self, path: str | Path, provider: str = PROVIDER):
        """As `_Half`; a ContractError, too, where it takes less than a second at once."""
        super().__init__(path, provider)
        try:
            seconds = float(self._said("max_seconds"))
        except ValueError as error:
            raise ContractError(f"{self._path}: its metadata cannot be read: {error}") from None
        if not seconds >= 1:
            raise ContractError(f"{self._path}: its max_seconds is {seconds}, needed is 1 or more")
        self._longest = int(seconds * SAMPLE_RATE)  # samples that the file takes at once

    def __call__(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The paper's symbols of an utterance, complex64 [20 * frames], E|x|^2 = 1 over each piece; and its `features`.

        Arguments and errors as of `features`.
        """
        symbols, features = self._run(self.outputs, waveform)
        return np.ascontiguousarray(symbols, np.float32).view(np.complex64)[:, 0], features

    def features(self, waveform: np.ndarray) -> np.ndarray:
        """The probabilities P of an utterance: float32 [frames, 29], frames = ceil(samples / 640).

        Longer than the file takes at once, it is encoded in pieces cut at its quietest points.

        Args:
            waveform: float32 [samples] at 16 kHz, full scale 1.0, at least one sample.

        Raises:
            ValueError: there are no samples.
        """
        return self._run(("features",), waveform)[0]

    def _run(self, outputs: tuple[str, ...], waveform: np.ndarray) -> list[np.ndarray]:
        if len(waveform) == 0:
            raise ValueError("no samples to encode")
        waveform = np.ascontiguousarray(waveform, np.float32)
        pieces = [
            self._session.run(outputs, {"waveform": waveform[None, piece]})
            for piece in segment.split(waveform, self._longest)
        ]
        return [np.concatenate([each[0] for each in parts]) for parts in zip(*pieces, strict=True)]


class FramewiseDecoder(_Half):
    """Equalised symbols and their reliability in, log-probabilities of the tokens out."""

    kind = "receiver"
    inputs = ("symbols", "reliability")
    outputs = ("log_probs",)

    def __call__(self, symbols: np.ndarray, reliability: np.ndarray) -> np.ndarray:
        """Decode an utterance.

        Args:
            symbols: complex64 [n], as `phy.equalise` leaves them; n a positive multiple of 20.
            reliability: float32 [n], rho in 0..1.

        Returns:
            float32 [n / 20, 29], natural logarithms.

        Raises:
            ValueError: n is no multiple of 20, is 0, or differs between the two.
        """
        n = len(symbols)
        if n == 0 or n % SYMBOLS_PER_FRAME or len(reliability) != n:
            raise ValueError(
                f"{n} symbols and {len(reliability)} reliabilities: needed is a positive multiple of "
                f"{SYMBOLS_PER_FRAME}"
            )
        pairs = np.ascontiguousarray(symbols, np.complex64).view(np.float32).reshape(1, n, 2)
        feed = {"symbols": pairs, "reliability": np.ascontiguousarray(reliability, np.float32)[None]}
        return self._session.run(self.outputs, feed)[0][0]
