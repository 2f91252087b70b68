"""The trained encoder and decoder as ONNX Runtime sessions that know their own contract.

The contract is in the files' metadata (see `Contract`); a file that does not carry it, or another one than
this package's framing and alphabet, is refused when it is loaded.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from . import features, segment, text

MODELS = Path(__file__).parent / "models"
_FILES = ("transmitter.onnx", "receiver.onnx")


class ContractError(ValueError):
    """A model file whose metadata is missing, odd, or not what this package can run."""


@dataclass(frozen=True)
class Contract:
    """What a model file says of itself. `pair` is shared by the transmitter and receiver trained together."""

    name: str
    kind: str  # "transmitter" or "receiver"
    version: str
    pair: str
    sample_rate: int  # Hz
    hop: int  # samples a frame
    symbols_per_frame: int
    vocabulary: str
    blank: int
    max_seconds: float | None  # longest waveform one run takes; transmitters only


def read_contract(metadata: dict[str, str], kind: str, path: Path) -> Contract:
    """The contract in a model's metadata_props.

    Raises:
        ContractError: a key is missing or odd, or the model is not a `kind` for this framing and alphabet.
    """
    try:
        contract = Contract(
            name=metadata["name"],
            kind=metadata["kind"],
            version=metadata["version"],
            pair=metadata["pair"],
            sample_rate=int(metadata["sample_rate"]),
            hop=int(metadata["hop"]),
            symbols_per_frame=int(metadata["symbols_per_frame"]),
            vocabulary=metadata["vocabulary"],
            blank=int(metadata["blank"]),
            max_seconds=float(metadata["max_seconds"]) if kind == "transmitter" else None,
        )
    except KeyError as error:
        raise ContractError(
            f"{path}: its metadata has no {error.args[0]!r}: not a model of gr-deepsc"
        ) from None
    except ValueError as error:
        raise ContractError(f"{path}: its metadata cannot be read: {error}") from None
    wanted = {
        "kind": kind,
        "sample_rate": features.SAMPLE_RATE,
        "hop": features.HOP,
        "symbols_per_frame": features.SYMBOLS_PER_FRAME,
        "vocabulary": text.ALPHABET,
        "blank": text.BLANK,
    }
    for key, value in wanted.items():
        if getattr(contract, key) != value:
            raise ContractError(f"{path}: its {key} is {getattr(contract, key)!r}, needed is {value!r}")
    if not contract.pair:
        raise ContractError(f"{path}: its pair is empty: no telling which file it belongs to")
    if contract.max_seconds is not None and not contract.max_seconds >= 1:
        raise ContractError(f"{path}: its max_seconds is {contract.max_seconds}, needed is 1 or more")
    return contract


def codec_id(pair: str) -> int:
    """A pair's number in a burst's header, 4 to 7, by which a receiver knows whether it can decode the symbols.

    The lower ones are those of the codec with context (`contextual.CODECS`).
    """
    return 4 | zlib.crc32(pair.encode()) & 3


def shipped() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(folder.parent.name for folder in MODELS.glob(f"*/{_FILES[0]}"))


def locate(name_or_dir: str | Path) -> Path:
    """The folder with transmitter.onnx and receiver.onnx of a shipped model's name or of a folder.

    Raises:
        FileNotFoundError: neither; says what exists.
    """
    for folder in (MODELS / name_or_dir, Path(name_or_dir)):
        if all((folder / file).is_file() for file in _FILES):
            return folder
    raise FileNotFoundError(
        f"no model {str(name_or_dir)!r}: shipped are {', '.join(shipped()) or 'none'}; "
        f"or give a folder that holds {' and '.join(_FILES)}"
    )


def open_session(path: Path, provider: str = "CPUExecutionProvider") -> onnxruntime.InferenceSession:
    """An .onnx file on one intra-op thread: more gain nothing inside a flowgraph.

    Raises:
        ContractError: ONNX Runtime cannot load it.
        RuntimeError: this ONNX Runtime has no such provider; says which it has.
    """
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise RuntimeError(f"ONNX Runtime has no {provider} here: it has {', '.join(available)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
    except Exception as error:  # ONNX Runtime's own classes share no base but this
        raise ContractError(f"{path}: ONNX Runtime cannot load it: {error}") from None
    if provider not in session.get_providers():
        raise RuntimeError(f"ONNX Runtime would not run {path} on {provider}")
    return session


class _Session:
    """One ONNX file, its contract checked."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __init__(self, path: str | Path, provider: str = "CPUExecutionProvider"):
        """Load `path`, an .onnx file, a model's folder or a shipped model's name.

        Raises:
            FileNotFoundError: no such model; says what exists.
            ContractError: not a model of this kind.
            RuntimeError: this ONNX Runtime has no such provider; says which it has.
        """
        path = Path(path)
        if path.suffix != ".onnx":
            path = locate(path) / f"{self.kind}.onnx"
        elif not path.is_file():
            raise FileNotFoundError(f"no model file {path}")
        self._session = open_session(path, provider)
        self.contract = read_contract(self._session.get_modelmeta().custom_metadata_map, self.kind, path)
        takes = tuple(node.name for node in self._session.get_inputs())
        gives = tuple(node.name for node in self._session.get_outputs())
        if (takes, gives) != (self.inputs, self.outputs):
            raise ContractError(f"{path}: {takes} -> {gives}, needed is {self.inputs} -> {self.outputs}")


class Transmitter(_Session):
    """Waveform in, complex symbols and semantic features out."""

    kind = "transmitter"
    inputs = ("waveform",)
    outputs = ("symbols", "features")

    def __call__(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Encode an utterance.

        Longer than the contract's `max_seconds`, it is encoded in pieces cut at its quietest points.

        Args:
            waveform: float32 [samples] at 16 kHz, full scale 1.0, at least one sample.

        Returns:
            symbols: complex64 [20 * frames], E|x|^2 = 1 over each piece.
            features: float32 [frames, 29], the probabilities P; frames = ceil(samples / 640).

        Raises:
            ValueError: there are no samples.
        """
        if len(waveform) == 0:
            raise ValueError("no samples to encode")
        waveform = np.ascontiguousarray(waveform, np.float32)
        limit = int(self.contract.max_seconds * self.contract.sample_rate)
        parts = [self._run(waveform[piece]) for piece in segment.split(waveform, limit)]
        return np.concatenate([x for x, _ in parts]), np.concatenate([p for _, p in parts])

    def _run(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        symbols, probabilities = self._session.run(self.outputs, {"waveform": waveform[None]})
        return np.ascontiguousarray(symbols[0], np.float32).view(np.complex64)[:, 0], probabilities[0]


class Receiver(_Session):
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
        n, frame = len(symbols), self.contract.symbols_per_frame
        if n == 0 or n % frame or len(reliability) != n:
            raise ValueError(
                f"{n} symbols and {len(reliability)} reliabilities: needed is a positive multiple of {frame}"
            )
        pairs = np.ascontiguousarray(symbols, np.complex64).view(np.float32).reshape(1, n, 2)
        feed = {"symbols": pairs, "reliability": np.ascontiguousarray(reliability, np.float32)[None]}
        return self._session.run(self.outputs, feed)[0][0]
