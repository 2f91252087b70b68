"""Block-Fading Channel: the same channel as phy/channel.py, reproducible, with the CSI passed along."""

import numpy as np
import pmt
import pytest
from gnuradio import gr
from graph import pdu, post, received, running, sink

from gr_deepsc.blocks import BlockFadingChannel

SENT = np.exp(2j * np.pi * np.random.default_rng(0).random(1_000)).astype(np.complex64)


@pytest.fixture
def send():
    """send(channel, *messages) -> the PDUs that come out."""

    def send(channel, *messages):
        top_block = gr.top_block()
        out = sink(top_block, channel, "symbols")
        with running(top_block):
            for message in messages:
                post(channel, "symbols", message)
            return received(out, len(messages))

    return send


def test_awgn(send):
    """Noise of 10^(-Es/N0/10), no CSI, and the metadata that the decoder and the result need."""
    ((meta, y),) = send(BlockFadingChannel("awgn", 6.0), pdu(SENT, seq=1, colour="blue"))
    assert np.mean(np.abs(y - SENT) ** 2) == pytest.approx(10**-0.6, rel=0.15)
    assert "csi" not in meta and (meta["channel"], meta["es_n0_db_set"], meta["colour"]) == ("awgn", 6.0, "blue")


@pytest.mark.parametrize("kind", ["rayleigh", "rician"])
def test_fading(send, kind):
    """`csi` holds an h a symbol, constant over a block: y - h x is the noise alone."""
    ((meta, y),) = send(BlockFadingChannel(kind, 20.0, block=100), pdu(SENT))
    h = np.array(meta["csi"])
    assert len(h) == len(SENT) and len(np.unique(h)) == 10
    assert np.mean(np.abs(y - h * SENT) ** 2) == pytest.approx(0.01, rel=0.15)


def test_none(send):
    """A clean channel changes nothing and claims no Es/N0."""
    ((meta, y),) = send(BlockFadingChannel("none", 6.0), pdu(SENT, es_n0_db_set=3.0))
    assert np.array_equal(y, SENT) and meta["channel"] == "none" and "es_n0_db_set" not in meta


def test_depends_on_seed_and_seq_only(send):
    """What was sent before does not matter, so a file gives the same text alone and in a batch."""
    first, second = pdu(SENT, seq=1), pdu(SENT, seq=2)
    one, two = (y for _, y in send(BlockFadingChannel("rayleigh", seed=5), first, second))
    two_first, one_second = (y for _, y in send(BlockFadingChannel("rayleigh", seed=5), second, first))
    (_, other_seed), _ = send(BlockFadingChannel("rayleigh", seed=6), first, second)
    assert np.array_equal(one, one_second) and np.array_equal(two, two_first)
    assert not np.array_equal(one, two) and not np.array_equal(one, other_seed)


def test_counts_where_there_is_no_seq(send):
    """Two utterances without `seq` still meet different noise."""
    one, two = (y for _, y in send(BlockFadingChannel("awgn"), pdu(SENT), pdu(SENT)))
    assert not np.array_equal(one, two)


def test_setters(send):
    """What GRC's sliders call: it holds from the next utterance on."""
    channel = BlockFadingChannel("awgn", 30.0)
    channel.set_kind("rayleigh")
    channel.set_es_n0_db(-3)
    channel.set_seed(9)
    ((meta, y),) = send(channel, pdu(SENT, seq=1))
    ((_, expected),) = send(BlockFadingChannel("rayleigh", -3.0, seed=9), pdu(SENT, seq=1))
    assert (meta["channel"], meta["es_n0_db_set"]) == ("rayleigh", -3.0) and np.array_equal(y, expected)
    with pytest.raises(ValueError, match="none of"):
        channel.set_kind("fibre")


@pytest.mark.parametrize("wrong", [{"kind": "fibre"}, {"block": 0}, {"rician_k": -1}, {"seed": -1}])
def test_wrong_parameters(wrong):
    """Refused when the flowgraph is made."""
    with pytest.raises(ValueError, match=r"none of|must be"):
        BlockFadingChannel(**wrong)


def test_bad_messages(send):
    """They come out as lost utterances, for the decoder to report, and the block lives on."""
    channel = BlockFadingChannel("awgn")
    messages = [
        pmt.intern("no PDU"),
        pdu(SENT.real),
        pdu(SENT, seq="first"),
        pdu(SENT, error="lost before", error_type="silent"),
        pdu(SENT[:0]),
        pdu(SENT),
    ]
    got = send(channel, *messages)
    types = [meta.get("error_type") for meta, _ in got]
    assert all(vector.dtype.kind == "c" for _, vector in got[:4])  # a plot of them must live on, too
    assert types == ["bad_message", "bad_message", "bad_message", "silent", None, None]
    assert channel.refused == 3
