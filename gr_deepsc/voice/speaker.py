"""What was received, spoken: any text, any user ID; what could not be done as asked is said."""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..english import plain, unspoken
from . import vocoders
from .synthesizer import DEFAULT_USER, Synthesizer

NO_TEXT = "nothing was recognised: no speech"


class Spoken(NamedTuple):
    """A text's speech."""

    speech: np.ndarray  # float32 [n], at the synthesizer's sample rate; empty where there is nothing to say
    voice: int  # user ID whose voice it is
    synthesis_s: float  # seconds it took to make
    warning: str | None  # a sentence, where something could not be done as asked


class Speaker:
    """A `Synthesizer` that has an answer for every text and every user ID."""

    def __init__(self, voices: str | Path = "", vocoder: str = vocoders.DEFAULT) -> None:
        """`voices`: folder of the voice models, "" for those shipped and one's own; errors as of `Synthesizer`."""
        self.synthesizer = Synthesizer(voices, vocoder)

    def __call__(self, text: str, user_id: int) -> Spoken:
        """Speak `text`, of any characters, in the user's voice; in user 0's where he has none here."""
        start, warnings, voice = time.perf_counter(), [], user_id
        if user_id not in self.synthesizer.users:
            warnings += [f"user {user_id} has no voice here: that of user {DEFAULT_USER}", *self.synthesizer.left_out]
            voice = DEFAULT_USER
        if lost := unspoken(text):
            warnings.append(f"not spoken: {lost}")
        if not plain(text):
            warnings.append(NO_TEXT)
        try:
            speech = self.synthesizer(text, voice)
        except Exception as error:  # the text is there: it must not be lost for want of a voice
            speech = np.zeros(0, np.float32)
            warnings.append(f"the text could not be spoken: {error}")
        return Spoken(speech, voice, time.perf_counter() - start, "; ".join(warnings) or None)
