"""One flowgraph from audio to text through a simulated channel, and its verdict on each utterance."""

import time
from typing import Any

import numpy as np

from gr_deepsc.codec.rates import DEFAULT as RATE
from gr_deepsc.codec.rates import TARGET_DB
from gr_deepsc.phy.channel import BLOCK
from gr_deepsc.phy.detect import HOP
from gr_deepsc.phy.utterance import SEQUENCE
from gr_deepsc.radio.profiles import DEFAULT, PROFILES

from ..errors import HostError
from .receiving import POLL, Receiving, StuckError

CSI = ("estimated", "ideal")
PATIENCE = 120.0  # s; how long an utterance may take before its loss is reported
SILENCE = HOP  # samples around each burst

_NOTHING = {
    "text": "",
    "lost": False,
    "error": None,
    "error_type": None,
    "n_symbols": 0,
    "confidence": 0.0,
}
_NOT_DETECTED = {
    "lost": True,
    "error": "no burst was found in what the receiver heard",
    "error_type": "not_detected",
}


class Simulation:
    """One running flowgraph that takes one utterance at a time.

    With estimated CSI: encoder -> burst framer -> radio path -> burst receiver -> decoder, the path's fading, noise
    and offsets unknown to the receiver. With ideal CSI: encoder -> block-fading channel -> decoder, symbol by
    symbol, and the decoder is told h and N0.

    The models are loaded once, here. Use it as a context manager, or call `close`.

    Args:
        model: name of a shipped model, or a folder with transmitter.onnx and receiver.onnx.
        channel: awgn, rayleigh, rician or none.
        es_n0_db: Es/N0 a complex symbol of the payload, in dB; has no effect on channel none.
        seed: of the channel; its noise follows from the seed and the utterance's `seq`.
        rician_k: power of the direct path over that of the scattered ones, for rician.
        csi: one of `CSI`.
        interleaved: for ideal CSI: the symbols are sent in the order in which a burst sends them.
        cfo_hz, clock_ppm, delay_samples, symbol_rate: of the radio path; for estimated CSI.
        speak: the results have `speech` as well, float32 [n] at their `sample_rate` Hz.
        voices: folder of the voices' models, "" for those shipped.
        rate, target_snr_db: as of `gr_deepsc.codec.encode.Encoder`.
        decoder: greedy or beam.

    Raises:
        HostError: GNU Radio or the model cannot be loaded, or there is no such path.
    """

    def __init__(
        self,
        model: str = "default",
        channel: str = "awgn",
        es_n0_db: float = 20.0,
        seed: int = 0,
        rician_k: float = 1.0,
        csi: str = "estimated",
        interleaved: bool = True,
        cfo_hz: float = 0.0,
        clock_ppm: float = 0.0,
        delay_samples: float = 0.0,
        symbol_rate: float = PROFILES[DEFAULT].symbol_rate,
        speak: bool = False,
        voices: str = "",
        rate: str = RATE,
        target_snr_db: float = TARGET_DB,
        decoder: str = "greedy",
    ) -> None:
        self._modem = csi == "estimated"
        self._receiving = Receiving(model, symbol_rate, es_n0_db, speak, voices, decoder)
        from gr_deepsc.blocks import BlockFadingChannel, BurstFramer, RadioPath, SemanticEncoder

        try:
            self._encoder = SemanticEncoder(model, rate=rate, target_snr_db=target_snr_db)
        except (OSError, ValueError, RuntimeError) as error:
            raise HostError(f"cannot load the model {model}: {error}") from None
        try:
            if self._modem:
                self._framer = BurstFramer(silence=SILENCE)
                path = (channel, es_n0_db, cfo_hz, clock_ppm, delay_samples, symbol_rate, rician_k, seed)
                self._path = RadioPath(*path)
            else:
                path = (channel, es_n0_db, BLOCK, rician_k, seed, interleaved)
                self._path = BlockFadingChannel(*path)
        except ValueError as error:
            raise HostError(str(error)) from None
        self._connect()
        self._stuck = ""  # what the flowgraph waited for when it stopped answering
        self._receiving.graph.start()

    def _connect(self) -> None:
        end = self._receiving
        parts = [self._encoder, self._path]
        end.connect((self._encoder, "failed", end.collector, "refused"))
        if self._modem:
            parts.append(self._framer)
            end.connect(
                (self._framer, "failed", end.collector, "refused"),
                (self._path, "failed", end.collector, "refused"),
                (self._encoder, "symbols", self._framer, "symbols"),
                (self._framer, "bursts", self._path, "bursts"),
                (self._path, "bursts", end.stream, "pdus"),
            )
        else:
            end.connect(
                (self._encoder, "symbols", self._path, "symbols"),
                (self._path, "symbols", end.decoder, "symbols"),
            )
        end.quiet(*parts)

    def __call__(self, samples: np.ndarray, rate: int, seq: int = 0, user_id: int = 0) -> dict[str, Any]:
        """Send one utterance and wait for its result.

        Args:
            samples: float32 [n], mono, full scale 1.0, at `rate` Hz.
            seq: number of the utterance, 0, 1, ...: it selects the channel's realisation.

        Returns:
            The text PDU's metadata as plain Python values, with `text`, `lost`, `error`, `error_type`, and
            `wall_s`: seconds from posting the audio to having the text, or the speech. Failures are results, too.
        """
        pmt, meta = self._receiving.pmt, self._receiving.pmt.make_dict()
        for key, value in (
            ("session", "simulate"),
            ("seq", seq),
            ("user_id", user_id),
            ("sample_rate", float(rate)),
        ):
            meta = pmt.dict_add(meta, pmt.intern(key), pmt.to_pmt(value))
        pdu = pmt.cons(meta, pmt.init_f32vector(len(samples), samples.tolist()))
        start = time.perf_counter()
        try:
            if self._stuck:  # what comes now could be of another utterance
                raise StuckError(self._stuck)
            if self._modem:
                self._path.complete = False
            self._receiving.post(self._encoder, "audio", pdu)
            result = self._await_bursts(seq, user_id) if self._modem else self._await_symbols()
        except StuckError as stuck:
            self._stuck = str(stuck)
            result = {"lost": True, "error": self._stuck, "error_type": "stopped"}
        result = _NOTHING | result
        if not result["error"] and result.get("bursts_missing"):
            missing, bursts = result["bursts_missing"], result["bursts_missing"] + result["n_bursts"]
            result |= {"error": f"{missing} of {bursts} bursts did not come", "error_type": "bursts_missing"}
        return result | {"seq": seq, "wall_s": time.perf_counter() - start}

    def _await_symbols(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for _, fields in self._receiving.drain(POLL):
                return fields
        raise StuckError(f"no result within {PATIENCE:g} s")

    def _await_bursts(self, seq: int, user_id: int) -> dict[str, Any]:
        """The utterance's result; where its burst was not found, that."""
        deadline, found = time.monotonic() + PATIENCE, []
        while not (self._path.complete and self._receiving.receiver.position == self._path.sent):
            if time.monotonic() > deadline:
                raise StuckError(f"the bursts were not heard within {PATIENCE:g} s")
            for port, fields in self._receiving.drain(POLL):
                if port == "refused" and fields.get("seq", seq) == seq:
                    return fields
                if port in ("text", "failed"):
                    found.append(fields)
        found += [fields for _, fields in self._receiving.flush(PATIENCE)]
        ours = [each for each in found if (each.get("seq"), each.get("user_id")) == (seq % SEQUENCE, user_id)]
        return next(iter(ours + found), _NOT_DETECTED)

    def close(self) -> None:
        """Stop the flowgraph."""
        self._receiving.close()

    def __enter__(self) -> "Simulation":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
