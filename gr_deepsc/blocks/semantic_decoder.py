"""Semantic Decoder: PDU of received symbols in, text PDU out."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pmt

from ..codec.decode import NOTHING, Decoder
from ..codec.pieces import Pieces
from ..ctc.confidence import dump
from ..framing import SYMBOL_RATE, SYMBOLS_PER_FRAME
from ..phy import equalise
from ..phy.channel import noise_variance
from .pdu import PduError, check_punctual, get, put, unpack
from .turns import PatientBlock

EQUALISERS = ("mmse", "zf")
_OF_PIECES: dict[str, type] = {
    "session": str,
    "user_id": int,
    "seq": int,
    "last": bool,
    "timing": float,
} | dict.fromkeys(("n_symbols", "n_bursts", "bursts_missing", "realigned"), int)


class SemanticDecoder(PatientBlock):
    """Equalises an utterance's symbols, runs the channel decoder that they are for, and spells the text.

    Ports: `symbols` in, `text` out, `failed` out. Reads the metadata `codec` (absent: the model's own), `reliability`
    (one a symbol: they are equalised already), or `csi` (absent: h = 1), `es_n0_db_set` (absent: the parameter),
    `channel` ("none" without `es_n0_db_set`: no noise), `n_symbols` (more symbols than that are padding and are cut
    off; fewer are an error) and `model` (symbols of another model's own codec are refused). Drops PDUs with `filler`
    set, which only keep a stream moving. Adds `text`, `confidence`, `word_confidence`
    (`gr_deepsc.ctc.confidence.dump`), `lost` and `decode_s`; `error` and `error_type` "unreliable" where the text is no
    more than a guess: the blocks behind pass it on to `failed` and speak nothing. A piece (`part`, `last`) of an
    utterance is joined to those before it: `text`, sizes and times are of all of them so far, and `partial` is true
    until the last has come.
    """

    def __init__(
        self,
        model: str = "default",
        equaliser: str = "mmse",
        es_n0_db: float = 20.0,
        provider: str = "CPUExecutionProvider",
        decoder: str = "auto",
    ):
        """`model`: name or folder; `decoder`: auto, greedy or beam; errors as of `gr_deepsc.codec.decode.Decoder`.

        Raises:
            ValueError: the equaliser is none of `EQUALISERS`.
        """
        super().__init__("Semantic Decoder", "symbols", "text")
        self.set_equaliser(equaliser)
        self.set_es_n0_db(es_n0_db)
        self.decoder = Decoder(model, provider, decoder)
        self._pieces = Pieces()

    def set_es_n0_db(self, es_n0_db: float) -> None:
        """dB, taken for symbols whose metadata has none."""
        self._es_n0_db = float(es_n0_db)

    def set_equaliser(self, equaliser: str) -> None:
        """From the next utterance on."""
        if equaliser not in EQUALISERS:
            raise ValueError(f"equaliser {equaliser!r} is none of {', '.join(EQUALISERS)}")
        self._equaliser = equaliser

    def seconds(self, meta: Any, vector: Any) -> float:
        """Of speech in a PDU of symbols, roughly."""
        return pmt.length(vector) / SYMBOL_RATE

    def handle(self, message: Any) -> None:
        meta, received = unpack(message, "symbols")
        if get(meta, "filler", False):
            return
        check_punctual(meta)
        codec = get(meta, "codec", self.decoder.codec)
        self.decoder.check(codec)
        z, rho = self._equalised(meta, received, codec)
        start = time.perf_counter()
        reading = self.decoder(z, rho, codec) if get(meta, "n_bursts", 1) else NOTHING
        decode_s = time.perf_counter() - start
        if get(meta, "part", -1) >= 0:
            known = {
                key: get(meta, key, kind())
                for key, kind in _OF_PIECES.items()
                if pmt.dict_has_key(meta, pmt.intern(key))
            }
            more, reading = self._pieces(known | {"decode_s": decode_s}, reading)
            meta, decode_s = put(meta, **more), more["decode_s"]
        added = {"text": reading.text, "confidence": reading.confidence, "lost": False, "decode_s": decode_s}
        meta = put(meta, **added, word_confidence=dump(reading.words), csi=None, reliability=None)
        meta = put(meta, error=reading.error, error_type=reading.error_type)
        spelt = reading.text.encode()
        self.publish(meta, pmt.init_u8vector(len(spelt), list(spelt)))

    def _equalised(self, meta: Any, received: np.ndarray, codec: int) -> tuple[np.ndarray, np.ndarray]:
        pair = self.decoder.framewise.pair
        sent_by = get(meta, "model", pair)
        if codec == self.decoder.codec and sent_by != pair:
            raise PduError(
                "wrong_model", f"encoded by model {sent_by}, this decoder is {pair}; give both blocks one model"
            )
        n = get(meta, "n_symbols", len(received))
        if not 0 < n <= len(received) or n % SYMBOLS_PER_FRAME:
            raise PduError(
                "incomplete",
                f"{len(received)} symbols of {n} came; needed is a multiple of {SYMBOLS_PER_FRAME}, complete",
            )
        reliability = self._vector(meta, "reliability", n, pmt.is_f32vector, pmt.f32vector_elements)
        if reliability is not None:  # a modem equalised them
            return received[:n], reliability.astype(np.float32)
        csi = self._vector(meta, "csi", n, pmt.is_c32vector, pmt.c32vector_elements)
        csi = np.ones(n, np.complex64) if csi is None else csi.astype(np.complex64)
        received = received[:n]
        if not (np.isfinite(received).all() and np.isfinite(csi).all()):
            raise PduError("not_finite", "the received symbols or their CSI are not finite; look at the radio")
        if self._equaliser == "zf":
            return equalise.zero_forcing(received, csi)
        return equalise.mmse(received, csi, self._n0(meta))

    @staticmethod
    def _vector(meta: Any, key: str, n: int, is_kind: Callable, elements: Callable) -> np.ndarray | None:
        value = pmt.dict_ref(meta, pmt.intern(key), pmt.PMT_NIL)
        if pmt.is_null(value):
            return None
        if not is_kind(value) or pmt.length(value) < n:
            raise PduError("bad_message", f"metadata {key!r} is no vector of {n} elements, one a symbol")
        return np.array(elements(value))[:n]

    def _n0(self, meta: Any) -> float:
        clean = get(meta, "channel", "") == "none"
        es_n0_db = get(meta, "es_n0_db_set", np.inf if clean else self._es_n0_db)
        if not es_n0_db >= -100:  # NaN is not, either
            raise PduError("bad_message", f"metadata 'es_n0_db_set' is {es_n0_db} dB; needed is -100 or more")
        return noise_variance(es_n0_db)
