"""Burst Receiver: what phy/ makes of the same samples, and a PDU or a counter for all that happens."""

import time

import numpy as np
import pmt
import pytest
from gnuradio import gr
from gnuradio import pdu as gr_pdu
from graph import pdu, post, received, running, sink, wait_until

from gr_deepsc.blocks import BurstReceiver, SemanticDecoder
from gr_deepsc.blocks.punctual import Punctuality
from gr_deepsc.phy import channel, impair, utterance
from gr_deepsc.phy.frame import assemble
from gr_deepsc.phy.listener import Listener, describe
from gr_deepsc.phy.preamble import LONG
from gr_deepsc.phy.pulse import shape

RATE = 50_000.0
NAMES = "detected", "header_errors", "overloads", "lost", "utterances", "overruns", "samples_skipped", "flushes"
COUNTERS = dict.fromkeys(NAMES, 0)
GAP = np.zeros(5_000, np.complex64)


def symbols(frames: int, seed: int = 0) -> np.ndarray:
    """complex64 [20 * frames], QPSK."""
    rng = np.random.default_rng(seed)
    return (np.exp(0.5j * np.pi * (rng.integers(4, size=20 * frames) + 0.5))).astype(np.complex64)


def bursts(seq: int, frames: int = 20, user_id: int = 7, codec: int = 8) -> list[np.ndarray]:
    return utterance.split(symbols(frames, seq), codec, user_id, seq)


def unreadable() -> np.ndarray:
    """A burst whose chirps are right and whose header is not."""
    header = np.exp(0.5j * np.pi * np.random.default_rng(5).integers(4, size=LONG.header))
    return shape(assemble(header.astype(np.complex64), symbols(10)))


def stream(*parts: np.ndarray, es_n0_db: float = 15.0, cfo: float = 0.01) -> np.ndarray:
    """The parts one after the other, silence between them, noise over all."""
    samples = np.concatenate([GAP, *(piece for part in parts for piece in (part, GAP))])
    rng = np.random.default_rng(1)
    samples = impair.frequency_offset(samples, cfo, 0.3)
    return impair.noise(samples, channel.noise_variance(es_n0_db), rng).astype(np.complex64)


class Graph(gr.top_block):
    """PDUs of samples as a stream that pauses and does not end, into the receiver."""

    def __init__(self, live: bool = False):
        super().__init__()
        self.stream, self.receiver = (gr_pdu.pdu_to_stream_c(gr_pdu.EARLY_BURST_APPEND, 64), BurstReceiver(RATE, live))
        self.connect(self.stream, self.receiver)
        self.ports = {port: sink(self, self.receiver, port) for port in ("symbols", "failed", "status")}

    def play(self, samples: np.ndarray, piece: int = 1 << 20) -> None:
        """The samples in PDUs of `piece`; returns when the receiver has worked on them."""
        start = self.receiver.position
        for first in range(0, len(samples), piece):
            post(self.stream, "pdus", pdu(samples[first : first + piece]))
            # the block takes 64 PDUs at a time
            wait_until(lambda first=first: self.receiver.position >= start + first - 32 * piece)
        wait_until(lambda: self.receiver.position == start + len(samples))

    def flush(self) -> dict[str, int]:
        """The stream has ended; the counters."""
        post(self.receiver, "flush", pmt.PMT_T)
        wait_until(lambda: self.statuses() and self.statuses()[-1]["flushes"])
        return self.statuses()[-1]

    def statuses(self) -> list[dict[str, int]]:
        status = self.ports["status"]
        return [pmt.to_python(status.get_message(k)) for k in range(status.num_messages())]

    def pdus(self, port: str, count: int) -> list:
        """The `count` PDUs that came out of a port: `flush` waits for the counters only."""
        got = received(self.ports[port], count)
        assert self.ports[port].num_messages() == count
        return got


@pytest.fixture
def graph():
    with running(Graph()) as graph:
        yield graph


@pytest.mark.parametrize("piece", [777, 1 << 20])
def test_same_as_phy(graph, piece):
    """Two utterances, one of three bursts: the same symbols, reliability and metadata."""
    samples = stream(*bursts(1), *bursts(2, 800))
    listener = Listener()
    expected = [*listener.push(samples), *listener.flush()]
    graph.play(samples, piece)
    counters = graph.flush()
    got = graph.pdus("symbols", 2)
    assert len(expected) == 2 and not graph.pdus("failed", 0)
    for (meta, z), event in zip(got, expected, strict=True):
        # phy/ itself differs from run to run in the last digits of float32
        assert np.allclose(z, event.symbols, rtol=0, atol=1e-5)
        assert np.allclose(meta.pop("reliability"), event.reliability, rtol=0, atol=1e-5)
        for key, value in describe(event, RATE).items():
            assert meta[key] == (pytest.approx(value, rel=1e-5, abs=1e-5) if isinstance(value, float) else value)
    assert counters == COUNTERS | {"detected": 4, "utterances": 2, "flushes": 1}
    assert listener.counters.items() <= counters.items()


def test_metadata(graph):
    """What was sent and what the way did to it, each figure near the truth."""
    graph.play(stream(*bursts(40, user_id=65_535, codec=5), es_n0_db=10.0, cfo=0.05))
    graph.flush()
    ((meta, z),) = graph.pdus("symbols", 1)
    assert (meta["seq"], meta["user_id"], meta["codec"], meta["session"]) == (40 % 32, 65_535, 5, "")
    assert (meta["n_symbols"], meta["n_bursts"], meta["bursts_missing"]) == (400, 1, 0)
    assert meta["symbol_rate"] == RATE
    assert meta["es_n0_db"] == pytest.approx(10, abs=1.0)
    assert meta["cfo_hz"] == pytest.approx(2500, abs=5)
    assert meta["timing"] == pytest.approx(len(GAP) + 4 * 4 + 48, abs=64)  # ramp, and the pulse's rise
    assert meta["evm"] == pytest.approx(10**-0.5 / np.sqrt(1.5), rel=0.25)
    assert np.mean(np.abs(z - symbols(20, 40)) ** 2) < 0.15


def test_header_error(graph):
    """A burst that cannot be read is a `failed` PDU, counted; the next one is heard."""
    graph.play(stream(unreadable(), *bursts(3)))
    counters = graph.flush()
    ((meta, vector),) = graph.pdus("failed", 1)
    assert (meta["lost"], meta["error_type"], meta["seq"], meta["text"]) == (True, "header_crc", -1, "")
    assert meta["cfo_hz"] == pytest.approx(500, abs=50) and len(vector) == 0
    assert [meta["seq"] for meta, _ in graph.pdus("symbols", 1)] == [3]
    assert (counters["detected"], counters["header_errors"], counters["utterances"]) == (2, 1, 1)


def test_lost_utterances_are_counted(graph):
    """A user's sequence numbers say what nobody heard."""
    graph.play(stream(*bursts(30), *bursts(1), *bursts(5, user_id=8)))
    assert graph.flush()["lost"] == 2  # 31 and 0


def test_flush_gives_out_what_the_stream_cut(graph):
    """Half a burst: nothing before `flush`, then its first half, and no trust in the rest."""
    (burst,) = bursts(4, 100)
    whole = stream(burst)
    graph.play(whole[: len(GAP) + 4 * 640 + 4 * 1200])
    assert not graph.pdus("symbols", 0)
    graph.flush()
    ((meta, _),) = graph.pdus("symbols", 1)
    assert 0.3 < meta["received"] < 0.7 and np.mean(np.array(meta["reliability"]) == 0) == pytest.approx(
        1 - meta["received"], abs=0.01
    )


def test_a_burst_of_an_utterance_is_missing(graph):
    """The middle one of three: its place is kept, without trust, and the result says so."""
    first, _, last = bursts(6, 800)
    graph.play(stream(first, last))
    graph.flush()
    ((meta, z),) = graph.pdus("symbols", 1)
    assert (meta["n_bursts"], meta["bursts_missing"]) == (2, 1)
    assert len(z) == 20 * 801 or len(z) == 20 * 800  # bursts are equally long, give or take a frame
    assert meta["received"] == pytest.approx(2 / 3, abs=0.01)
    assert np.mean(np.array(meta["reliability"]) == 0) == pytest.approx(1 / 3, abs=0.01)


def test_silence_and_noise(graph):
    """Neither is a burst, and NaN is no reason to stop."""
    noise = impair.noise(np.zeros(200_000, np.complex64), 1.0, np.random.default_rng(2))
    graph.play(np.concatenate([GAP, noise, np.full(100, np.nan, np.complex64), GAP]).astype(np.complex64))
    assert graph.flush() == COUNTERS | {"flushes": 1}
    assert graph.receiver.error is None


def test_another_models_burst_is_refused(fixture_model):
    """The header's codec says that the decoder could only spell garbage."""
    graph = Graph()
    decoder = SemanticDecoder(str(fixture_model))
    ours = decoder.decoder.codec
    graph.msg_connect((graph.receiver, "symbols"), (decoder, "symbols"))
    text, failed = sink(graph, decoder, "text"), sink(graph, decoder, "failed")
    with running(graph):
        graph.play(stream(*bursts(0, codec=4 + (ours + 1) % 4), *bursts(1, codec=ours)))
        graph.flush()
        ((meta, _),) = received(failed, 1)
        assert (meta["error_type"], meta["seq"], meta["lost"]) == ("wrong_model", 0, True)
        assert received(text, 1)[0][0]["seq"] == 1


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan")])
def test_wrong_parameters(wrong):
    """Refused when the flowgraph is made."""
    with pytest.raises(ValueError, match="must be"):
        BurstReceiver(wrong)


def test_punctuality():
    """By a clock of its own: a source of 300 ppm too few samples is never late, one that stood still for 3 s is, until
    what waited is thrown away."""
    now = [0.0]
    punctual = Punctuality(1000.0, lambda: now[0])
    for _ in range(36_000):  # an hour
        now[0] += 0.1 * (1 + 2.9e-4)
        assert not punctual.late(100)
    now[0] += 3.0
    late = 0
    while punctual.late(100):  # the 30 pieces that have waited, at once
        late += 1
        now[0] += 1e-3
    assert late == 30
    for _ in range(100):
        now[0] += 0.1
        assert not punctual.late(100)


def test_live_stream_is_skipped_to_the_present():
    """A receiver that did not get on for 2.5 s leaves out what came meanwhile, says so, and reads the next burst; the
    samples are counted on. A stream that is not live waits."""
    for live in (True, False):
        with running(Graph(live)) as graph:
            graph.play(stream(*bursts(1)))
            before = graph.receiver.position
            time.sleep(2.5)
            waited = stream(*bursts(2))
            graph.play(waited)
            time.sleep(0.3)
            graph.play(stream(*bursts(3)))
            counters = graph.flush()
            heard = graph.pdus("symbols", 2 if live else 3)
            assert [meta["seq"] for meta, _ in heard] == ([1, 3] if live else [1, 2, 3])
            assert counters["samples_skipped"] == (len(waited) if live else 0)
            assert heard[-1][0]["timing"] == pytest.approx(before + len(waited) + len(GAP) + 48, abs=20)
            failed = graph.pdus("failed", int(live))
            assert [meta["error_type"] for meta, _ in failed] == ["overrun"] * live
