"""Semantic Encoder: good audio becomes symbols, everything else a typed result, and the block lives on."""

import numpy as np
import pmt
import pytest
from gnuradio import gr
from graph import pdu, post, received, running, sink, wait_until

from gr_deepsc.blocks import SemanticEncoder, turns
from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.framing import frame_count


@pytest.fixture
def graph(fixture_model):
    top_block = gr.top_block()
    encoder = SemanticEncoder(str(fixture_model), rate="paper")
    with_sinks = encoder, sink(top_block, encoder, "symbols"), sink(top_block, encoder, "failed")
    with running(top_block):
        yield with_sinks


def test_symbols(graph, fixture_model, speak):
    """The block sends what the model gives, with the metadata the decoder and the result need."""
    encoder, symbols, _ = graph
    waveform = speak("hello world")
    post(encoder, "audio", pdu(waveform, session="s", seq=3, user_id=7, sample_rate=16_000, colour="blue"))
    ((meta, vector),) = received(symbols, 1)
    expected, _ = FramewiseEncoder(fixture_model)(waveform)
    assert np.array_equal(vector, expected)
    assert meta["n_symbols"] == len(expected) == 20 * meta["n_frames"]
    assert meta["n_frames"] == frame_count(len(waveform)) and meta["n_samples"] == len(waveform)
    assert meta["model"] == "fixture-pair" and 0 < meta["encode_s"] < 5
    assert (meta["session"], meta["seq"], meta["user_id"], meta["colour"]) == ("s", 3, 7, "blue")


@pytest.mark.parametrize(("rate", "nominal", "codec", "each"), [("520", 520, 8, 33), ("130", 130, 10, 8)])
def test_symbols_of_the_codec_with_context(graph, speak, rate, nominal, codec, each):
    """From the next utterance on another codec: so many symbols a character, and its number for the header."""
    encoder, symbols, _ = graph
    encoder.set_rate(rate)
    post(encoder, "audio", pdu(speak("hello world")))
    ((meta, vector),) = received(symbols, 1)
    assert (meta["codec"], meta["rate"], meta["n_symbols"]) == (codec, nominal, len(vector))
    assert 0 <= len(vector) - 11 * each < 20 and len(vector) % 20 == 0
    assert np.mean(np.abs(vector) ** 2) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_other_rates(graph, speak, rate):
    """Audio of another rate is resampled: as many frames as at 16 kHz."""
    encoder, symbols, _ = graph
    waveform = speak("rates")
    index = (np.arange(len(waveform) * rate // 16_000) * 16_000 / rate).astype(int)
    post(encoder, "audio", pdu(waveform[index], sample_rate=rate))
    ((meta, _),) = received(symbols, 1)
    assert meta["n_frames"] == frame_count(len(waveform)) and meta["sample_rate"] == rate


GOOD = np.full(16_000, 0.3, np.float32)


@pytest.mark.parametrize(
    "message, error_type",
    [
        (pdu(GOOD[:0]), "empty"),
        (pdu(GOOD[:1]), "empty"),
        (pdu(GOOD * 0), "silent"),
        (pdu(GOOD * np.nan), "not_finite"),
        (pdu(np.tile(GOOD, 61)), "too_long"),
        (pdu(GOOD, sample_rate=1_000), "bad_rate"),
        (pdu(GOOD, sample_rate="fast"), "bad_message"),
        (pdu(GOOD.astype(np.complex64)), "bad_message"),
        (pmt.intern("no PDU"), "bad_message"),
        (pmt.PMT_NIL, "bad_message"),
        (pmt.cons(pmt.from_long(1), pmt.init_f32vector(1, [0.0])), "bad_message"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses_and_lives_on(graph, speak, message, error_type):
    """An exception in a handler would end the block's thread unseen: here it is a result."""
    encoder, symbols, failed = graph
    post(encoder, "audio", message)
    ((meta, vector),) = received(failed, 1)
    assert meta["error_type"] == error_type and meta["lost"] is True and meta["text"] == ""
    assert len(meta["error"]) > 10 and len(vector) == 0 and encoder.refused == 1
    post(encoder, "audio", pdu(speak("alive")))
    received(symbols, 1)


def test_a_minute(graph):
    """60 s of speech is one PDU of 30,000 symbols."""
    encoder, symbols, _ = graph
    post(encoder, "audio", pdu(np.tile(GOOD, 60)))
    ((meta, vector),) = received(symbols, 1)
    assert len(vector) == meta["n_symbols"] == 30_000


def test_lost_before(graph):
    """An utterance lost upstream is passed on to `failed` as it is, not encoded and not forgotten."""
    encoder, _, failed = graph
    post(encoder, "audio", pdu(GOOD, error="no microphone", error_type="device", lost=True, seq=4))
    ((meta, _),) = received(failed, 1)
    assert (meta["error"], meta["seq"], encoder.refused) == ("no microphone", 4, 0)


def test_no_such_model():
    """A wrong name is an error when the flowgraph is made."""
    with pytest.raises(FileNotFoundError, match="no model 'nonsense'"):
        SemanticEncoder("nonsense")


def test_flood(fixture_model, speak, monkeypatch):
    """More speech than may wait: the excess is refused, memory stays bounded, none is unanswered."""
    monkeypatch.setattr(turns, "LIMIT_S", 100.0)
    top_block = gr.top_block()
    encoder = SemanticEncoder(str(fixture_model))
    symbols, failed = sink(top_block, encoder, "symbols"), sink(top_block, encoder, "failed")
    speech = np.resize(speak("me too"), 50 * 16_000)
    count = int(turns.LIMIT_S / 50) + 8
    for seq in range(count):
        post(encoder, "audio", pdu(speech, linked=True, session="one", seq=seq))
    with running(top_block):
        wait_until(lambda: symbols.num_messages() + failed.num_messages() == count, 60)
    refused = received(failed, failed.num_messages())
    assert 0 < len(refused) <= 8 and all(meta["error_type"] == "overload" for meta, _ in refused)
