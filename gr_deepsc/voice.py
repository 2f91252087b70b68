"""Text to speech in a registered user's voice: acoustic.onnx (text -> log-mels), vocoder.onnx (log-mels -> waveform).

Both know their contract, as the models of `model` do. The acoustic model predicts how long each character is spoken,
at most 0.4 s: whatever the text, it ends.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from . import features
from .model import MODELS, ContractError, open_session
from .text import ALPHABET, encode

VOICE = MODELS / "voice"
DEFAULT_USER = 0
SPEEDS = 0.5, 2.0


class User(NamedTuple):
    """Somebody whose voice was learnt."""

    name: str
    licence: str  # of the recordings


class Synthesizer:
    """Speaks texts, float32 at `sample_rate`.

    Attributes:
        users: the registered ones by their ID.
        sample_rate: Hz.
    """

    def __init__(self, folder: str | Path = VOICE):
        """Load acoustic.onnx and vocoder.onnx of `folder`.

        Raises:
            FileNotFoundError: one of them is not there.
            ContractError: they are no such models, or do not fit each other.
        """
        self._acoustic, acoustic = _open(Path(folder), "acoustic")
        self._vocoder, vocoder = _open(Path(folder), "vocoder")
        for key in ("sample_rate", "hop", "mels"):
            if acoustic.get(key) != vocoder.get(key):
                raise ContractError(
                    f"{folder}: {key} of acoustic.onnx is {acoustic.get(key)}, of vocoder.onnx {vocoder.get(key)}"
                )
        if (acoustic["vocabulary"], acoustic["sample_rate"]) != (ALPHABET, str(features.SAMPLE_RATE)):
            raise ContractError(f"{folder}: acoustic.onnx is for another alphabet or sample rate")
        self.sample_rate = features.SAMPLE_RATE
        self.users = {
            entry["id"]: User(entry["name"], entry["licence"]) for entry in json.loads(acoustic["users"])
        }

    def __call__(self, text: str, user_id: int = DEFAULT_USER, speed: float = 1.0) -> np.ndarray:
        """Speak `text`.

        Args:
            text: of the alphabet's characters; nothing but spaces is silence of no length.
            user_id: a registered user.
            speed: in `SPEEDS`, 1 is the user's own.

        Returns:
            float32 [samples].

        Raises:
            ValueError: another character, user or speed.
        """
        if user_id not in self.users:
            known = ", ".join(map(str, self.users))
            raise ValueError(f"user {user_id} has no voice here; registered are {known}")
        if not SPEEDS[0] <= speed <= SPEEDS[1]:
            raise ValueError(f"a speed of {speed}: must be {SPEEDS[0]} to {SPEEDS[1]}")
        tokens = encode(" ".join(text.split()))
        if not tokens:
            return np.zeros(0, np.float32)
        feed = {
            "tokens": np.array([tokens], np.int64),
            "user_id": np.array([user_id], np.int64),
            "speed": np.array([speed], np.float32),
        }
        (mel,) = self._acoustic.run(None, feed)
        (waveform,) = self._vocoder.run(None, {"mel": mel})
        return np.clip(waveform[0], -1, 1)


def _open(folder: Path, kind: str) -> tuple[onnxruntime.InferenceSession, dict[str, str]]:
    """A file's session and its contract."""
    path = folder / f"{kind}.onnx"
    if not path.is_file():
        raise FileNotFoundError(f"no voice: {path} is missing")
    session = open_session(path)
    contract = session.get_modelmeta().custom_metadata_map
    if contract.get("kind") != kind:
        raise ContractError(f"{path}: its kind is {contract.get('kind')!r}, needed is {kind!r}")
    return session, contract
