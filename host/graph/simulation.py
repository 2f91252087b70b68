"""The simulated transmission by the blocks of one GNU Radio flowgraph, and its verdict on each utterance."""

import time
from contextlib import ExitStack
from typing import Any

import numpy as np
import pmt

from gr_deepsc.blocks import BlockFadingChannel, BurstFramer, RadioPath, SemanticEncoder
from gr_deepsc.chain import NOT_DETECTED, own
from gr_deepsc.phy.channel import BLOCK
from gr_deepsc.phy.framer import LEVEL_DB
from gr_deepsc.result import Result
from gr_deepsc.simulation import SILENT, Heard, Setting, finished

from ..errors import loading
from .gnuradio import stdout_for_results
from .receiving import POLL, Receiving, StuckError

PATIENCE = 120.0  # s; how long an utterance may take before its loss is reported


class FlowgraphSimulation:
    """One running flowgraph that takes one utterance at a time; use it in a `with`.

    With estimated CSI: encoder -> burst framer -> radio path -> burst receiver -> decoder. With ideal CSI: encoder ->
    block-fading channel -> decoder. What comes out is what `gr_deepsc.simulation.Simulation` gives.

    Raises:
        HostError: a model cannot be loaded.
    """

    def __init__(self, setting: Setting, speak: bool = False, voices: str = "") -> None:
        """`speak`: what is received is spoken, too, by the models in the folder `voices`, "" for those shipped."""
        self._setting, self._modem = setting, setting.csi == "estimated"
        self._receiving = Receiving(setting.model, setting.symbol_rate, setting.decoder, speak, voices)
        with loading(f"the model {setting.model}"):
            self._encoder = SemanticEncoder(
                setting.model, rate=setting.rate, target_snr_db=setting.target_snr_db, reader=setting.reader
            )
        kind, es_n0_db, rician_k, seed = setting.channel, setting.es_n0_db, setting.rician_k, setting.seed
        if self._modem:
            self._framer = BurstFramer(LEVEL_DB, setting.silence, setting.preamble)
            offsets = (setting.cfo_hz, setting.clock_ppm, setting.delay_samples, setting.symbol_rate)
            self._path = RadioPath(kind, es_n0_db, *offsets, rician_k, seed, setting.drift_hz_s)
        else:
            self._path = BlockFadingChannel(kind, es_n0_db, BLOCK, rician_k, seed, interleaved=True)
        self._connect()
        self._stuck = ""  # what the flowgraph waited for when it stopped answering

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
                (self._encoder, "symbols", self._path, "symbols"), (self._path, "symbols", end.decoder, "symbols")
            )
        end.quiet(*parts)

    def __call__(self, samples: np.ndarray, sample_rate: float, seq: int = 0, user_id: int = 0) -> Heard:
        """Send one utterance and wait for its result; as `Simulation`, but the samples are float32 [n], mono."""
        meta = pmt.make_dict()
        for key, value in (("seq", seq), ("user_id", user_id), ("sample_rate", float(sample_rate))):
            meta = pmt.dict_add(meta, pmt.intern(key), pmt.to_pmt(value))
        pdu = pmt.cons(meta, pmt.init_f32vector(len(samples), samples.tolist()))
        start, speech = time.perf_counter(), SILENT
        try:
            if self._stuck:  # what comes now could be of another utterance
                raise StuckError(self._stuck)
            if self._modem:
                self._path.complete = False
            self._receiving.post(self._encoder, "audio", pdu)
            result, speech = self._await_bursts(seq, user_id) if self._modem else self._await_symbols()
        except StuckError as stuck:
            self._stuck = str(stuck)
            result = Result(lost=True).failed("stopped", self._stuck)
        wall_s = time.perf_counter() - start - (result.synthesis_s or 0.0)
        return Heard(finished(result, self._setting, seq, user_id, len(samples) / sample_rate, wall_s), speech)

    def _await_symbols(self) -> Heard:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for _, fields in self._receiving.drain(POLL):
                return _heard(fields)
        raise StuckError(f"no result within {PATIENCE:g} s")

    def _await_bursts(self, seq: int, user_id: int) -> Heard:
        """The utterance's result; where its burst was not found, that."""
        deadline, found = time.monotonic() + PATIENCE, []
        while not (self._path.complete and self._receiving.receiver.position == self._path.sent):
            if time.monotonic() > deadline:
                raise StuckError(f"the bursts were not heard within {PATIENCE:g} s")
            for port, fields in self._receiving.drain(POLL):
                if port == "refused" and fields.get("seq", seq) == seq:
                    return _heard(fields)
                if port in ("text", "failed"):
                    found.append(_heard(fields))
        found += [_heard(fields) for _, fields in self._receiving.flush(PATIENCE)]
        result = own([heard.result for heard in found], seq, user_id)
        return next((heard for heard in found if heard.result is result), Heard(NOT_DETECTED, SILENT))

    def __enter__(self) -> "FlowgraphSimulation":
        self._stdout = ExitStack()
        self._stdout.enter_context(stdout_for_results())
        self._receiving.graph.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._receiving.close()
        self._stdout.close()


def _heard(fields: dict[str, Any]) -> Heard:
    speech = fields.pop("speech", SILENT)
    if "synthesis_s" in fields:
        fields["speech_s"] = len(speech) / fields["sample_rate"]
    return Heard(Result.of(fields), speech)
