"""Audio Link and Result Link over real ZeroMQ sockets: the graph lives on whatever arrives."""

import numpy as np
import pmt
import pytest
import zmq
from gnuradio import gr
from graph import LinkedRadio, pdu, post, received, running, sink, wait_until
from hosts import Host, free_addresses

from gr_deepsc.blocks import AudioLink, ResultLink
from gr_deepsc.link.protocol import pack_audio
from gr_deepsc.link.sockets import LinkError

SAMPLES = np.linspace(-1, 1, 16_000, dtype=np.float32)


@pytest.fixture
def radio(fixture_model):
    addresses = free_addresses(2)
    with running(LinkedRadio(fixture_model, *addresses)) as graph, Host(*addresses) as host:
        host.settle()
        yield graph, host


def test_there_and_back(radio, speak):
    """Chunks in, one result out, with everything that the host needs to tell whose it is."""
    _, host = radio
    host.send(speak("over the air"), seq=5, user_id=77)
    result = host.result()
    assert (result["text"], result["lost"], result["error"]) == ("over the air", False, None)
    assert (result["session"], result["seq"], result["user_id"]) == ("test", 5, 77)
    assert (result["channel"], result["es_n0_db"], result["es_n0_db_set"]) == ("awgn", None, 20.0)
    assert result["n_symbols"] > 0 and result["n_symbols"] % 20 == 0 and result["confidence"] > 0.9


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"", b""],
        [b"\xff" * 100, b"\x00" * 100],
        [b"[1, 2]", b""],
        [b"{" * 5000, b""],
        [b"{}", b"", b""],
        [b'{"version": 2, "type": "audio"}', b""],
        [pack_audio(SAMPLES[:0], session="s", seq=0)[0].replace(b'"end":true', b'"end":1'), b""],
        [pack_audio(SAMPLES[:0], session="s", seq=0)[0], b"123"],
    ],
)
def test_bad_message(radio, speak, frames):
    """Counted, reported as a result, dropped; the next utterance comes through."""
    graph, host = radio
    before = graph.audio.refused
    host.push.send_multipart(frames)
    result = host.result()
    assert result["lost"] and result["error_type"] == "bad_message" and len(result["error"]) > 10
    assert graph.audio.refused == before + 1
    host.send(speak("still here"), seq=1)
    assert host.result()["text"] == "still here"


def test_bad_audio(radio, speak):
    """What the protocol lets through and the encoder does not is a result of that utterance."""
    _, host = radio
    for seq, samples in enumerate((SAMPLES[:0], SAMPLES * 0, SAMPLES * np.nan)):
        host.send(samples, seq=seq)
    results = [host.result() for _ in range(3)]
    assert [(r["seq"], r["error_type"]) for r in results] == [(0, "empty"), (1, "silent"), (2, "not_finite")]
    host.send(speak("after that"), seq=3)
    assert host.result()["text"] == "after that"


def test_missing_chunk(radio):
    """A gap is one error for the utterance, not one a chunk."""
    _, host = radio
    for chunk, end in ((0, False), (2, False), (3, True)):
        host.push.send_multipart(pack_audio(SAMPLES, session="s", seq=8, chunk=chunk, end=end))
    result = host.result()
    assert (result["seq"], result["error_type"]) == (8, "gap")
    assert not host.sub.poll(300)


def test_flood_of_garbage(radio, speak):
    """5,000 bad messages: all counted, few reported, and the radio still hears."""
    graph, host = radio
    before, published = graph.audio.refused, graph.results.published
    rng = np.random.default_rng(0)
    for _ in range(5_000):
        host.push.send(rng.bytes(int(rng.integers(0, 300))))
    wait_until(lambda: graph.audio.refused == before + 5_000)
    host.send(speak("unmoved"), seq=1)
    while (result := host.result())["lost"]:
        pass
    assert result["text"] == "unmoved"
    assert graph.results.published - published < 1_000


def test_restart(radio, speak):
    """A flowgraph that is stopped and started again listens on the same addresses."""
    graph, host = radio
    graph.stop()
    graph.wait()
    graph.start()
    host.settle()
    host.send(speak("again"), seq=1)
    assert host.result()["text"] == "again"


@pytest.mark.parametrize("block", [AudioLink, ResultLink])
def test_addresses(block):
    """A port in use, an address off this machine without keys, and nonsense: errors that say what to do."""
    (address,) = free_addresses(1)
    context = zmq.Context()
    with context.socket(zmq.PULL) as other:
        other.bind(address)
        with pytest.raises(LinkError, match="in use"):
            block(address)
    context.term()
    with pytest.raises(LinkError, match="deepsc keys"):
        block("tcp://0.0.0.0:5599")
    with pytest.raises(LinkError, match="write it as"):
        block("5555")


def test_results_that_break_the_protocol(fixture_model):
    """Odd metadata becomes an error result, never a dead thread; values that are no JSON are left out."""
    audio_address, result_address = free_addresses(2)
    top_block, link = gr.top_block(), ResultLink(result_address)
    trigger = AudioLink(audio_address)
    top_block.msg_connect((trigger, "failed"), (link, "text"))
    with running(top_block), Host(audio_address, result_address) as host:
        host.settle()
        empty = SAMPLES[:0]
        post(link, "text", pdu(empty, session="s", seq=-7))
        post(link, "text", pdu(empty, session="x" * 5_000, seq=1, error="lost", error_type="silent", lost=True))
        post(link, "text", pmt.intern("no PDU"))
        post(link, "text", pmt.PMT_NIL)
        post(link, "text", pdu(empty, text=3))
        errors = [host.result() for _ in range(5)]
        assert all(e["lost"] and e["error"] for e in errors)
        assert (errors[0]["session"], errors[1]["seq"], errors[1]["error"]) == ("s", 1, "lost")
        post(
            link,
            "text",
            pdu(empty, session="s", seq=2, text="fine", csi=SAMPLES[:3], symbol_rate=1.5, evm=float("nan")),
        )
        result = host.result()
    assert (result["text"], result["seq"], result["symbol_rate"], result["evm"]) == ("fine", 2, 1.5, None)
    assert result["csi"] is None  # the vector of h stays here; the key says what a simulation was told


def test_audio_link_alone():
    """Its PDUs are the samples as sent, at the rate as sent."""
    address, unused = free_addresses(2)
    top_block, link = gr.top_block(), AudioLink(address)
    audio, failed = sink(top_block, link, "audio"), sink(top_block, link, "failed")
    with running(top_block), Host(address, unused) as host:
        host.send(SAMPLES, seq=3, user_id=9, sample_rate=22_050)
        ((meta, samples),) = received(audio, 1)
        assert (meta["session"], meta["seq"], meta["user_id"], meta["sample_rate"]) == ("test", 3, 9, 22_050)
        assert np.array_equal(samples, SAMPLES) and link.received == 1
        host.send(SAMPLES, seq=4, format="s16")
        (_, (_, samples)) = received(audio, 2)
        assert np.abs(samples - SAMPLES).max() < 1 / 30_000
        assert failed.num_messages() == 0
