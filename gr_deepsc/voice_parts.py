"""The ONNX files that voices are made of: each knows its contract, as the models of `model` do."""

from pathlib import Path

import onnxruntime

from . import features, mel
from .model import ContractError, open_session


def open_part(folder: str | Path, kind: str) -> tuple[onnxruntime.InferenceSession, dict[str, str]]:
    """`kind`.onnx of `folder`: its session and its contract.

    Raises:
        FileNotFoundError: it is not there.
        ContractError: it is no such model, or of other mels or another sample rate.
    """
    path = Path(folder) / f"{kind}.onnx"
    if not path.is_file():
        raise FileNotFoundError(f"no voice: {path} is missing")
    session = open_session(path)
    contract = session.get_modelmeta().custom_metadata_map
    wanted = {
        "kind": kind,
        "sample_rate": str(features.SAMPLE_RATE),
        "hop": str(mel.HOP),
        "mels": str(mel.MELS),
    }
    for key, value in wanted.items():
        if contract.get(key) != value:
            raise ContractError(f"{path}: its {key} is {contract.get(key)!r}, needed is {value!r}")
    return session, contract
