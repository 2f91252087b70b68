"""Text to speech in a registered user's voice: acoustic.onnx (text -> log-mels), then one of `vocoders`.

The acoustic model predicts how long each character is spoken, at most 0.4 s: whatever the text, it ends.
"""

import json
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..framing import SAMPLE_RATE
from ..session import ContractError
from ..text import ALPHABET, encode
from . import vocoders
from .files import VOICE, open_part
from .mel import MELS

DEFAULT_USER = 0
SPEEDS = 0.5, 2.0
LONGEST = 200  # characters spoken at once: no text in training is longer, and memory grows with it


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

    def __init__(self, folder: str | Path = VOICE, vocoder: str = vocoders.DEFAULT, progress: bool = False):
        """Load acoustic.onnx of `folder` and the files of the vocoder.

        Args:
            vocoder: one of `vocoders.VOCODERS`.
            progress: show a slow vocoder's on stderr, where that is a terminal.

        Raises:
            ValueError: there is no such vocoder.
            FileNotFoundError: one of the files is not there.
            ContractError: they are no such models.
        """
        self._vocoder = vocoders.load(vocoder, folder, progress)
        self._acoustic, acoustic = open_part(folder, "acoustic")
        if acoustic.get("vocabulary") != ALPHABET:
            raise ContractError(f"{folder}: acoustic.onnx is for another alphabet")
        self.sample_rate = SAMPLE_RATE
        self.users = {entry["id"]: User(entry["name"], entry["licence"]) for entry in json.loads(acoustic["users"])}

    def __call__(self, text: str, user_id: int = DEFAULT_USER, speed: float = 1.0) -> np.ndarray:
        """Speak `text`: float32 [samples] in -1..1; see `log_mel`. Nothing but spaces is silence of no length.

        A text of more than `LONGEST` characters is spoken in parts, cut between words.
        """
        parts = textwrap.wrap(text, LONGEST, break_on_hyphens=False) or [""]
        mels = [self.log_mel(part, user_id, speed) for part in parts]
        spoken = [np.clip(self._vocoder(mel), -1, 1) for mel in mels if len(mel)]
        return np.concatenate([np.zeros(0, np.float32), *spoken])

    def log_mel(self, text: str, user_id: int = DEFAULT_USER, speed: float = 1.0) -> np.ndarray:
        """What the vocoder is given for `text`.

        Args:
            text: of the alphabet's characters.
            user_id: a registered user.
            speed: in `SPEEDS`, 1 is the user's own.

        Returns:
            float32 [frames, 80]; no frames where there is nothing but spaces.

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
            return np.zeros((0, MELS), np.float32)
        feed = {
            "tokens": np.array([tokens], np.int64),
            "user_id": np.array([user_id], np.int64),
            "speed": np.array([speed], np.float32),
        }
        return self._acoustic.run(None, feed)[0][0]
