"""The ONNX files that voices are made of."""

import json
from pathlib import Path
from typing import NamedTuple

from ..framing import SAMPLE_RATE
from ..session import MODELS, ContractError, InferenceSession, Model, open_model
from ..text import ALPHABET
from . import mel
from .pronunciation import units

VOICE = MODELS / "voice"


class User(NamedTuple):
    """Somebody whose voice was learnt."""

    name: str
    licence: str  # of the recordings


class Acoustic(NamedTuple):
    """An open acoustic model: text -> log-mels of one of its users."""

    session: InferenceSession
    users: dict[int, User]  # by their IDs
    rows: dict[int, int]  # what the model is given as `user_id` for each of them


def open_part(folder: str | Path, kind: str) -> Model:
    """`kind`.onnx of `folder`; errors as of `open_file`."""
    return open_file(Path(folder) / f"{kind}.onnx", kind)


def open_file(path: Path, kind: str) -> Model:
    """A model file of a voice.

    Raises:
        FileNotFoundError: it is not there.
        ContractError: it is no such model, or of other mels or another sample rate.
    """
    return open_model(path, {"kind": kind, "sample_rate": SAMPLE_RATE, "hop": mel.HOP, "mels": mel.MELS})


def open_acoustic(path: Path) -> Acoustic:
    """An acoustic model's file; errors as of `open_file`, also for another alphabet or other phones."""
    session, contract = open_file(path, "acoustic")
    if contract.get("vocabulary") != ALPHABET:
        raise ContractError(f"{path} is for another alphabet")
    if contract.get("phones", ",".join(units())) != ",".join(units()):  # older ones take letters alone
        raise ContractError(f"{path} is for another list of phones")
    try:
        entries = json.loads(contract["users"])
        users = {entry["id"]: User(entry["name"], entry["licence"]) for entry in entries}
        return Acoustic(session, users, {entry["id"]: entry.get("row", entry["id"]) for entry in entries})
    except (KeyError, TypeError, ValueError):
        raise ContractError(f"{path}: its metadata has no list of users: not a model of gr-deepsc") from None
