"""Speech Synthesizer: text PDU in, audio PDU in the user's voice out."""

from typing import Any

import numpy as np
import pmt

from ..voice.speaker import Speaker
from ..voice.synthesizer import DEFAULT_USER
from ..voice.vocoders import DEFAULT
from .pdu import PduError, check_punctual, get, put
from .turns import PatientBlock

LETTERS_A_SECOND = 15  # that somebody speaks


class SpeechSynthesizer(PatientBlock):
    """Speaks each text in the voice of the user ID that its burst's header names.

    Ports: `text` in, `audio` out, `failed` out. Every text goes out, spoken or not: text and metadata stay, the vector
    becomes speech, float32 at `sample_rate`, empty where there is nothing to say. Adds `voice` (the user ID whose voice
    it is), `synthesis_s`, and `warning` where the user has no voice here (it is user 0's then), where there is no text,
    where letters have no sound, where it could not be spoken, or waited too long (`pdu.LATE_S`). A text that is
    `partial` goes to `failed` unspoken, for the Result Link; so does, as partial, the whole text of an utterance in
    pieces: its speech follows.
    """

    def __init__(self, voices: str = "", vocoder: str = DEFAULT):
        """Parameters and errors as of `gr_deepsc.voice.speaker.Speaker`."""
        super().__init__("Speech Synthesizer", "text", "audio")
        self.speaker = Speaker(voices, vocoder)

    def seconds(self, meta: Any, vector: Any) -> float:
        """Of speech in a text, roughly."""
        return pmt.length(vector) / LETTERS_A_SECOND

    def handle(self, message: Any) -> None:
        if not (pmt.is_pair(message) and pmt.is_dict(pmt.car(message)) and pmt.is_u8vector(pmt.cdr(message))):
            raise PduError("bad_message", "not a PDU of text: needed is (metadata dict, u8vector of UTF-8)")
        meta, text = pmt.car(message), bytes(pmt.u8vector_elements(pmt.cdr(message))).decode()
        goes_on = get(meta, "partial", False)
        if goes_on or get(meta, "part", -1) >= 0:
            self.fail(pmt.cons(put(meta, partial=True), pmt.cdr(message)))
            if goes_on:
                return
        user_id = get(meta, "user_id", DEFAULT_USER)
        try:
            check_punctual(meta)
            speech, voice, synthesis_s, warning = self.speaker(text, user_id)
        except PduError as error:  # the text is there
            speech, voice, synthesis_s, warning = np.zeros(0, np.float32), user_id, 0.0, f"not spoken: {error}"
        rate = float(self.speaker.synthesizer.sample_rate)
        meta = put(meta, text=text, voice=voice, sample_rate=rate, synthesis_s=synthesis_s)
        if warning:
            meta = put(meta, warning=warning)
        self.publish(meta, pmt.init_f32vector(len(speech), speech.tolist()))
