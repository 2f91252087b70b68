"""Semantic Encoder: audio PDU in, PDU of complex symbols out."""

import time
from typing import Any

from .. import audio
from ..features import SAMPLE_RATE
from ..model import Transmitter
from .pdu import PduBlock, PduError, get, put, unpack

MAX_WAITING = 256  # utterances in the queue: a minute each is 1 GB


class SemanticEncoder(PduBlock):
    """Runs the transmitter model on one utterance at a time.

    Ports: `audio` in, `symbols` out, `failed` out for utterances that cannot be sent (empty, silent, not
    finite, too long, of a bad rate, or more than `MAX_WAITING` at once). Adds the metadata `model`,
    `n_symbols`, `n_frames`, `n_samples` (at 16 kHz) and `encode_s`.
    """

    def __init__(self, model: str = "default", provider: str = "CPUExecutionProvider"):
        """`model`: the name of a shipped model or a folder; errors as of `gr_deepsc.model.Transmitter`."""
        super().__init__("Semantic Encoder", "audio", "symbols")
        self.transmitter = Transmitter(model, provider)

    def handle(self, message: Any) -> None:
        meta, samples = unpack(message, "audio")
        if self.nmsgs(self._in) > MAX_WAITING:
            raise PduError("overload", f"more than {MAX_WAITING} utterances are waiting; send more slowly")
        waveform = audio.check(samples, get(meta, "sample_rate", float(SAMPLE_RATE)))
        start = time.perf_counter()
        symbols, features = self.transmitter(waveform)
        added = {
            "model": self.transmitter.contract.pair,
            "n_symbols": len(symbols),
            "n_frames": len(features),
            "n_samples": len(waveform),
            "encode_s": time.perf_counter() - start,
        }
        self.publish(put(meta, **added), symbols)
