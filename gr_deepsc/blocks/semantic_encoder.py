"""Semantic Encoder: audio PDU in, PDU of complex symbols out."""

import time
from typing import Any

import pmt

from ..codec.encode import Encoder
from ..codec.live import Live
from ..codec.rates import AUTO as BY_TARGET
from ..codec.rates import DEFAULT, TARGET_DB, rate_for
from ..framing import SAMPLE_RATE
from ..reader import AUTO
from ..speech import audio
from .pdu import get, put, unpack
from .turns import PatientBlock


class SemanticEncoder(PatientBlock):
    """Runs the semantic encoder and a channel encoder on one utterance at a time.

    Ports: `audio` in, `symbols` out, `failed` out for utterances that cannot be sent (empty, silent, not finite, too
    long, of a bad rate, or too much at once: `turns`). An utterance that goes on (metadata `partial`) may come as
    often as one likes, each time all of it so far, of the same `session`, `user_id` and `seq`: the words that are new
    and settled are sent as a piece of it, with `part` and `last`; one behind which more waits is passed over. Adds the
    metadata `model`, `codec` (of the burst's header), `rate`, `n_symbols`, `n_frames` (of 40 ms), `n_samples` (at 16
    kHz) and `encode_s`.
    """

    def __init__(
        self,
        model: str = "default",
        provider: str = "CPUExecutionProvider",
        rate: str = DEFAULT,
        target_snr_db: float = TARGET_DB,
        reader: str = AUTO,
    ):
        """Parameters and errors as of `gr_deepsc.codec.encode.Encoder`."""
        super().__init__("Semantic Encoder", "audio", "symbols")
        self.encoder = Encoder(model, rate, target_snr_db, provider, reader)
        self._live = Live(self.encoder)
        self._tell_rate(rate, target_snr_db)

    def set_rate(self, rate: str, target_snr_db: float = TARGET_DB) -> None:
        """From the next utterance on."""
        self.encoder.set_rate(rate, target_snr_db)
        self._tell_rate(rate, target_snr_db)

    def _tell_rate(self, rate: str, target_snr_db: float) -> None:
        if rate == BY_TARGET:
            chosen = rate_for(target_snr_db)
            self.logger.info(f"rate {rate}: {chosen} symbols/s of payload, for Es/N0 {target_snr_db:g} dB and more")

    def seconds(self, meta: Any, vector: Any) -> float:
        """Of speech in an audio PDU."""
        return pmt.length(vector) / max(1.0, get(meta, "sample_rate", float(SAMPLE_RATE)))

    def handle(self, message: Any) -> None:
        meta, samples = unpack(message, "audio")
        goes_on = get(meta, "partial", False)
        if goes_on and self.more(meta):
            return
        start = time.perf_counter()
        try:
            waveform = audio.check(samples, get(meta, "sample_rate", float(SAMPLE_RATE)))
            whose = get(meta, "session", ""), get(meta, "user_id", 0), get(meta, "seq", -1)
            piece = self._live(whose, waveform, not goes_on)
        except ValueError as error:
            if not goes_on:
                raise
            self.logger.info(f"nothing sent yet: {error}")  # the whole utterance will tell
            return
        if piece is None:
            return
        sent = piece.encoded
        if piece.part is not None:
            meta = put(meta, part=piece.part, last=not goes_on)
        added = {
            "model": self.encoder.framewise.pair,
            "codec": sent.codec,
            "rate": sent.rate,
            "n_symbols": len(sent.symbols),
            "n_frames": len(sent.features),
            "n_samples": len(waveform),
            "encode_s": time.perf_counter() - start,
        }
        self.publish(put(meta, **added), sent.symbols)
