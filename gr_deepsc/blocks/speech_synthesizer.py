"""Speech Synthesizer: text PDU in, audio PDU in the user's voice out."""

import time
from typing import Any

import numpy as np
import pmt

from ..text import spoken
from ..voice.files import VOICE
from ..voice.synthesizer import DEFAULT_USER, Synthesizer
from ..voice.vocoders import DEFAULT
from .pdu import PduBlock, PduError, get, put

NO_TEXT = "nothing was recognised: no speech"


class SpeechSynthesizer(PduBlock):
    """Speaks each text in the voice of the user ID that its burst's header names.

    Ports: `text` in, `audio` out, `failed` out. Every text goes out, spoken or not: text and metadata stay, the vector
    becomes speech, float32 at `sample_rate`, empty where there is nothing to say. Adds `voice` (the user ID whose voice
    it is), `synthesis_s`, and `warning` where the user has no voice here (it is user 0's then), where there is no
    text, or where it could not be spoken.
    """

    def __init__(self, voices: str = "", vocoder: str = DEFAULT):
        """`voices`: folder of the voice models, "" for those shipped; errors as of `Synthesizer`."""
        super().__init__("Speech Synthesizer", "text", "audio")
        self.synthesizer = Synthesizer(voices or VOICE, vocoder)

    def handle(self, message: Any) -> None:
        if not (pmt.is_pair(message) and pmt.is_dict(pmt.car(message)) and pmt.is_u8vector(pmt.cdr(message))):
            raise PduError("bad_message", "not a PDU of text: needed is (metadata dict, u8vector of UTF-8)")
        meta, text = pmt.car(message), bytes(pmt.u8vector_elements(pmt.cdr(message))).decode()
        start, warnings, speech = time.perf_counter(), [], np.zeros(0, np.float32)
        voice = self._voice(get(meta, "user_id", DEFAULT_USER), warnings)
        try:
            speech = self._speak(text, voice, warnings)
        except Exception as error:  # the text is there: it must not be lost for want of a voice
            self.logger.error(f"not spoken: {error}")
            warnings.append(f"the text could not be spoken: {error}")
        meta = put(
            meta,
            text=text,
            voice=voice,
            sample_rate=float(self.synthesizer.sample_rate),
            synthesis_s=time.perf_counter() - start,
        )
        if warnings:
            meta = put(meta, warning="; ".join(warnings))
        self.publish(meta, pmt.init_f32vector(len(speech), speech.tolist()))

    def _voice(self, user_id: int, warnings: list[str]) -> int:
        if user_id in self.synthesizer.users:
            return user_id
        warnings.append(f"user {user_id} has no voice here: that of user {DEFAULT_USER}")
        return DEFAULT_USER

    def _speak(self, text: str, voice: int, warnings: list[str]) -> np.ndarray:
        plain, unspoken = spoken(text)
        if unspoken:
            warnings.append(f"not spoken: {unspoken}")
        if not plain:
            warnings.append(NO_TEXT)
        return self.synthesizer(plain, voice)
