"""The ONNX files that voices are made of."""

from pathlib import Path

from ..framing import SAMPLE_RATE
from ..session import MODELS, Model, open_model
from . import mel

VOICE = MODELS / "voice"


def open_part(folder: str | Path, kind: str) -> Model:
    """`kind`.onnx of `folder`.

    Raises:
        FileNotFoundError: it is not there.
        ContractError: it is no such model, or of other mels or another sample rate.
    """
    wanted = {"kind": kind, "sample_rate": SAMPLE_RATE, "hop": mel.HOP, "mels": mel.MELS}
    return open_model(Path(folder) / f"{kind}.onnx", wanted)
