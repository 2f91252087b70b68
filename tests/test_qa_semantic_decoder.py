"""Semantic Decoder: symbols become text; what cannot is a typed result, and the block lives on."""

import time

import numpy as np
import pmt
import pytest
from gnuradio import gr
from graph import pdu, post, received, running, sink

from gr_deepsc.blocks import BlockFadingChannel, SemanticDecoder
from gr_deepsc.blocks.pdu import LATE_S
from gr_deepsc.codec.framewise import FramewiseEncoder

TEXT = "don't panic"


@pytest.fixture
def symbols(fixture_model, speak):
    return FramewiseEncoder(fixture_model)(speak(TEXT))[0]


@pytest.fixture
def graph(fixture_model):
    top_block = gr.top_block()
    decoder = SemanticDecoder(str(fixture_model))
    with_sinks = decoder, sink(top_block, decoder, "text"), sink(top_block, decoder, "failed")
    with running(top_block):
        yield with_sinks


def test_text(graph, symbols):
    """The text is in the vector as UTF-8 and in the metadata; known keys are used up, others passed on."""
    decoder, text, _ = graph
    csi = np.full(len(symbols), 0.5j, np.complex64)
    post(decoder, "symbols", pdu(csi * symbols, csi=csi, es_n0_db_set=20.0, seq=2, colour="blue"))
    ((meta, vector),) = received(text, 1)
    assert bytes(vector.tolist()).decode() == meta["text"] == TEXT
    assert (meta["lost"], meta["seq"], meta["colour"], meta["es_n0_db_set"]) == (False, 2, "blue", 20.0)
    assert 0.9 < meta["confidence"] <= 1 and 0 < meta["decode_s"] < 5 and "csi" not in meta


@pytest.mark.parametrize("equaliser", ["mmse", "zf"])
@pytest.mark.parametrize("kind", ["none", "awgn", "rayleigh", "rician"])
def test_behind_the_channel(fixture_model, symbols, kind, equaliser):
    """Either equaliser reads what the channel block sends; blocks of 4 symbols give a frame 5 fades."""
    top_block = gr.top_block()
    channel = BlockFadingChannel(kind, 25.0, block=4, seed=1)
    decoder = SemanticDecoder(str(fixture_model), equaliser)
    top_block.msg_connect((channel, "symbols"), (decoder, "symbols"))
    text = sink(top_block, decoder, "text")
    with running(top_block):
        post(channel, "symbols", pdu(symbols, seq=0))
        ((meta, _),) = received(text, 1)
    assert meta["text"] == TEXT and meta["channel"] == kind


def test_what_waited_too_long_is_dropped(graph, symbols):
    """Heard live `LATE_S` ago: not worked on, and told; what came just now is, before and after it."""
    decoder, text, failed = graph
    for seq, age in enumerate((0.0, LATE_S + 1, 0.0)):
        post(decoder, "symbols", pdu(symbols, seq=seq, heard_at=time.monotonic() - age))
    assert [meta["seq"] for meta, _ in received(text, 2)] == [0, 2]
    ((meta, _),) = received(failed, 1)
    assert (meta["seq"], meta["error_type"]) == (1, "overrun")


def test_padding_is_cut_off(graph, symbols):
    """Streams leave a guard of zeros behind the burst: `n_symbols` says where it ends."""
    decoder, text, _ = graph
    padded = np.concatenate((symbols, np.zeros(17, np.complex64)))
    post(decoder, "symbols", pdu(padded, n_symbols=len(symbols)))
    assert received(text, 1)[0][0]["text"] == TEXT


def test_filler_is_dropped(graph, symbols):
    """PDUs that only keep a stream moving are no utterances: neither a text nor an error."""
    decoder, text, failed = graph
    post(decoder, "symbols", pdu(np.zeros(64, np.complex64), filler=True))
    post(decoder, "symbols", pdu(symbols))
    assert received(text, 1)[0][0]["text"] == TEXT
    assert text.num_messages() == 1 and failed.num_messages() == 0


FRAME = np.ones(20, np.complex64)


@pytest.mark.parametrize(
    "message, error_type",
    [
        (pdu(FRAME[:0]), "incomplete"),
        (pdu(FRAME[:1]), "incomplete"),
        (pdu(FRAME, n_symbols=40), "incomplete"),
        (pdu(FRAME, n_symbols=-20), "incomplete"),
        (pdu(FRAME * np.nan), "not_finite"),
        (pdu(FRAME, csi=FRAME * np.nan), "not_finite"),
        (pdu(FRAME, csi=FRAME[:5]), "bad_message"),
        (pdu(FRAME, csi="none"), "bad_message"),
        (pdu(FRAME, es_n0_db_set="loud"), "bad_message"),
        (pdu(FRAME, es_n0_db_set=float("nan")), "bad_message"),
        (pdu(FRAME, es_n0_db_set=-1e9), "bad_message"),
        (pdu(FRAME, model="another-pair"), "wrong_model"),
        (pdu(FRAME.real), "bad_message"),
        (pmt.intern("no PDU"), "bad_message"),
        (pdu(FRAME, error="lost before", error_type="silent"), "silent"),
    ],
)
def test_refuses_and_lives_on(graph, symbols, message, error_type):
    """Whatever is wrong with the symbols, their owner hears of it and the next utterance is decoded."""
    decoder, text, failed = graph
    post(decoder, "symbols", message)
    ((meta, _),) = received(failed, 1)
    assert meta["error_type"] == error_type and len(meta["error"]) > 10
    post(decoder, "symbols", pdu(symbols))
    assert received(text, 1)[0][0]["text"] == TEXT


def test_es_n0_for_symbols_that_name_none(fixture_model, symbols):
    """Less confidence is taken in symbols of an assumed 0 dB than of 20 dB."""
    confidence = []
    for es_n0_db in (0.0, 20.0):
        top_block = gr.top_block()
        decoder = SemanticDecoder(str(fixture_model), es_n0_db=es_n0_db)
        text = sink(top_block, decoder, "text")
        with running(top_block):
            post(decoder, "symbols", pdu(symbols))
            meta = received(text, 1)[0][0]
        confidence.append(meta["confidence"])
        assert "es_n0_db_set" not in meta  # an assumption is no measurement
    assert confidence[0] < confidence[1]


def test_wrong_equaliser(fixture_model):
    """Refused when the flowgraph is made."""
    with pytest.raises(ValueError, match="none of mmse, zf"):
        SemanticDecoder(str(fixture_model), "viterbi")
