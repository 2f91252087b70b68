"""Burst receiver and decoder as the end of a flowgraph, and how to know that they have heard everything."""

import queue
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pmt
from gnuradio import gr, pdu

from gr_deepsc.blocks import BurstReceiver, SemanticDecoder, SpeechSynthesizer
from gr_deepsc.result import Result

from ..errors import HostError, loading
from .collector import Collector

POLL = 0.005  # s
PATIENCE = 60.0  # s without progress
IN_FLIGHT = 1 << 18  # samples between what was sent and what the receiver has worked on
WAITING = 64  # utterances between the receiver and the end


class StuckError(Exception):
    """The flowgraph does not get on; the message says what it waited for."""


class Receiving:
    """PDUs of samples -> stream -> Burst Receiver -> Semantic Decoder (-> Speech Synthesizer) -> results.

    Results are (port, metadata as a dictionary): text of the decoder, failed for what the receiver or the decoder
    could not read, and refused, a port that parts in front of it may use.

    Args:
        model: name or folder.
        symbol_rate: Hz, 4 samples a symbol.
        decoder: greedy or beam.
        speak: the results have `speech` as well, float32 at `sample_rate` Hz.
        voices: folder of the voices' models, "" for those shipped.

    Raises:
        HostError: a model cannot be loaded.
    """

    def __init__(
        self, model: str, symbol_rate: float, decoder: str = "auto", speak: bool = False, voices: str = ""
    ) -> None:
        self.graph = gr.top_block("deepsc", catch_exceptions=False)
        # GNU Radio does not keep Python blocks alive: we do
        with loading(f"the model {model}"):
            self.decoder = SemanticDecoder(model, decoder=decoder)
            self.receiver = BurstReceiver(symbol_rate)
        with loading("the voices"):
            self.synthesizer = SpeechSynthesizer(voices) if speak else None
        self.collector = Collector()
        self.stream = pdu.pdu_to_stream_c(pdu.EARLY_BURST_APPEND, 64)
        self.graph.connect(self.stream, self.receiver)
        self.connect(
            (self.receiver, "symbols", self.decoder, "symbols"),
            (self.receiver, "failed", self.collector, "failed"),
            (self.receiver, "status", self.collector, "status"),
            (self.decoder, "failed", self.collector, "failed"),
        )
        self.quiet(self.decoder)
        if self.synthesizer is None:
            self.connect((self.decoder, "text", self.collector, "text"))
        else:
            self.connect(
                (self.decoder, "text", self.synthesizer, "text"),
                (self.synthesizer, "audio", self.collector, "text"),
                (self.synthesizer, "failed", self.collector, "failed"),
            )
        self._flushes = self._outcomes = self._sent = 0

    def connect(self, *ports: tuple) -> None:
        """Message connections: (block, port, block, port) each."""
        for source, port, sink, into in ports:
            self.graph.msg_connect((source, port), (sink, into))

    @staticmethod
    def quiet(*parts: Any) -> None:
        """A refused utterance is in its result: no need to log it as well."""
        for part in parts:
            part.logger.set_level("error")

    def post(self, block: Any, port: str, message: Any) -> None:
        """Put a message into a block's port."""
        block.to_basic_block()._post(pmt.intern(port), message)

    def send(self, samples: np.ndarray, patience: float) -> list[tuple[str, dict]]:
        """Feed complex64 samples and take what has come; waits while the receiver is `IN_FLIGHT`, or the
        decoder `WAITING` behind.

        Raises:
            StuckError: it got no further for `patience` seconds.
        """
        if not len(samples):  # GNU Radio would warn of it
            return self.drain()
        self._sent += len(samples)
        vector = pmt.init_c32vector(len(samples), samples.tolist())
        self.post(self.stream, "pdus", pmt.cons(pmt.make_dict(), vector))
        self._await_position(self._sent - IN_FLIGHT, patience)
        found, deadline = self.drain(), time.monotonic() + patience
        while self.receiver.outcomes - self._outcomes > WAITING:
            if time.monotonic() > deadline:
                raise StuckError(f"no result within {patience:g} s")
            if more := self.drain(POLL):
                found, deadline = found + more, time.monotonic() + patience
        return found

    def drain(self, timeout: float = 0.0) -> list[tuple[str, dict]]:
        """The results that have come, waiting at most `timeout` seconds for the first.

        Raises:
            StuckError: the receiver has failed.
        """
        if self.receiver.error is not None:
            raise StuckError(f"the burst receiver stopped: {self.receiver.error}")
        found = []
        with suppress(queue.Empty):
            found.append(
                self.collector.results.get(timeout=timeout) if timeout else self.collector.results.get_nowait()
            )
            while True:
                found.append(self.collector.results.get_nowait())
        self._outcomes += sum(port in ("text", "failed") for port, _ in found)
        return found

    def finish(self, patience: float) -> list[tuple[str, dict]]:
        """The stream of `sent` samples has ended: all results that are still to come.

        Raises:
            StuckError: they have not come within `patience` seconds of the last progress.
        """
        self._await_position(self._sent, patience)
        return self.flush(patience)

    def flush(self, patience: float) -> list[tuple[str, dict]]:
        """As `finish`, where the stream came from other blocks and the receiver has had all of it."""
        self._flushes += 1
        self.post(self.receiver, "flush", pmt.PMT_T)
        deadline, expected, found = time.monotonic() + patience, None, []
        while expected is None or self._outcomes < expected:
            if time.monotonic() > deadline:
                raise StuckError(f"no result within {patience:g} s")
            for port, fields in self.drain(POLL):
                if port != "status":
                    found.append((port, fields))
                elif fields["flushes"] >= self._flushes:
                    expected = fields["utterances"] + fields["header_errors"] + fields["overloads"]
        return found

    def _await_position(self, position: int, patience: float) -> None:
        deadline, last = time.monotonic() + patience, self.receiver.position
        while self.receiver.position < position:
            if self.receiver.error is not None:
                raise StuckError(f"the burst receiver stopped: {self.receiver.error}")
            if self.receiver.position != last:
                deadline, last = time.monotonic() + patience, self.receiver.position
            elif time.monotonic() > deadline:
                raise StuckError(f"the burst receiver got no further for {patience:g} s")
            time.sleep(POLL / 10)

    def close(self) -> None:
        """Stop the flowgraph."""
        self.graph.stop()
        self.graph.wait()


class FlowgraphReceiver:
    """`gr_deepsc.chain.Receiver` by the blocks of a GNU Radio flowgraph, which its last `flush` stops.

    Raises:
        HostError: the model cannot be loaded, or the flowgraph stopped.
    """

    def __init__(self, model: str, symbol_rate: float, decoder: str) -> None:
        self._receiving = Receiving(model, symbol_rate, decoder)
        self._receiving.graph.start()

    def push(self, samples: np.ndarray) -> list[Result]:
        """Results that have come."""
        return self._results(self._receiving.send, samples)

    def flush(self) -> list[Result]:
        """The file has ended: the results that were still to come."""
        found = self._results(self._receiving.finish)
        self._receiving.close()
        return found

    def _results(self, step: Callable[..., list[tuple[str, dict]]], *arguments: Any) -> list[Result]:
        try:
            return [Result.of(fields) for port, fields in step(*arguments, PATIENCE) if port != "status"]
        except StuckError as error:
            self._receiving.close()
            raise HostError(str(error)) from None
