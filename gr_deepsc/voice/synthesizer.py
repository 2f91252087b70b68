"""Text to speech in a registered user's voice: acoustic.onnx (words -> log-mels), then one of `vocoders`.

The acoustic model predicts how long each character is spoken, at most 0.4 s: whatever the text, it ends. It knows the
28 characters of `text.ALPHABET`: numbers and abbreviations are spelled for it, and what stands between commas and stops
is spoken for itself, with a pause behind.
"""

import textwrap
from pathlib import Path

import numpy as np

from ..english import clauses
from ..framing import SAMPLE_RATE
from ..session import ContractError
from ..text import encode
from . import own, vocoders
from .files import VOICE, Acoustic, User, open_acoustic
from .mel import MELS
from .pronunciation import pronounce

DEFAULT_USER = 0
SPEEDS = 0.5, 2.0
# s of silence behind a clause of `english.clauses`. The voices begin and end with 0.10 to 0.17 s of near silence, so
# that 0.25 to 0.32 s are heard at a comma, 0.45 to 0.52 s at a stop. Medians of their readers: at a comma 0.17 s
# (kathleen) and 0.37 s (LJSpeech), at a stop 0.42 s (LJSpeech).
PAUSES = {",": 0.15, ".": 0.35}
LONGEST = 200  # characters spoken at once: no text in training is longer, and memory grows with it


class Synthesizer:
    """Speaks texts, float32 at `sample_rate`.

    Attributes:
        users: the registered ones by their ID.
        left_out: a sentence for each voice of one's own that cannot speak, and why.
        sample_rate: Hz.
    """

    def __init__(self, folder: str | Path = "", vocoder: str = vocoders.DEFAULT, progress: bool = False):
        """Load acoustic.onnx of `folder` and the files of the vocoder.

        Args:
            folder: of the voices; "" for those shipped, with those of one's own beside them.
            vocoder: one of `vocoders.VOCODERS`.
            progress: show a slow vocoder's on stderr, where that is a terminal.

        Raises:
            ValueError: there is no such vocoder.
            FileNotFoundError: one of the files is not there.
            ContractError: they are no such models.
        """
        self._vocoder = vocoders.load(vocoder, folder or VOICE, progress)
        self.sample_rate = SAMPLE_RATE
        self.users: dict[int, User] = {}
        self.left_out: list[str] = []
        self._acoustics: dict[int, Acoustic] = {}  # by user ID
        self._add(Path(folder or VOICE) / "acoustic.onnx")
        for path in () if folder else own.files():
            try:
                self._add(path)
            except (ContractError, OSError) as error:  # it must not silence the others
                mend = f"register it again, or `deepsc voices --remove {path.stem}`"
                self.left_out.append(f"a voice of your own is left out: {error}; {mend}")

    def _add(self, path: Path) -> None:
        acoustic = open_acoustic(path)
        if taken := acoustic.users.keys() & self.users.keys():
            raise ContractError(f"{path} is of user {min(taken)}, who is {self.users[min(taken)].name} here")
        self.users |= acoustic.users
        self._acoustics |= dict.fromkeys(acoustic.users, acoustic)

    def __call__(self, text: str, user_id: int = DEFAULT_USER, speed: float = 1.0) -> np.ndarray:
        """Speak a text as people write it: float32 [samples] in -1..1; errors as of `log_mel`.

        Pauses are `PAUSES`, divided by `speed`; none is behind the last word. Without a word there is no sample. A
        clause of more than `LONGEST` characters is spoken in parts, cut between words.
        """
        found, silence = [np.zeros(0, np.float32)], 0
        for clause in clauses(text):
            found.append(np.zeros(silence, np.float32))
            for part in textwrap.wrap(clause.words, LONGEST, break_on_hyphens=False):
                found.append(np.clip(self._vocoder(self.log_mel(part, user_id, speed)), -1, 1))
            silence = round(PAUSES.get(clause.stop, 0.0) / speed * self.sample_rate)
        return np.concatenate(found)

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
        words = " ".join(text.split())
        tokens = encode(words)
        if not tokens:
            return np.zeros((0, MELS), np.float32)
        acoustic = self._acoustics[user_id]
        feed = {
            "tokens": np.array([tokens], np.int64),
            "phones": np.array([pronounce(words)], np.int64),
            "user_id": np.array([acoustic.rows[user_id]], np.int64),
            "speed": np.array([speed], np.float32),
        }
        inputs = [entry.name for entry in acoustic.session.get_inputs()]  # older ones take letters alone
        return acoustic.session.run(None, {name: feed[name] for name in inputs})[0][0]
