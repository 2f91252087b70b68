"""Speech Synthesizer: every text comes out, spoken in the right voice where there is something to say."""

import numpy as np
import pmt
import pytest
from gnuradio import gr
from graph import post, received, running, sink

from gr_deepsc.blocks import SpeechSynthesizer
from gr_deepsc.blocks.pdu import failure, put
from gr_deepsc.voice.synthesizer import Synthesizer

TEXT = "it was not a large lake"


def text_pdu(text: str, **meta):
    spelt = text.encode()
    return pmt.cons(put(pmt.make_dict(), **meta), pmt.init_u8vector(len(spelt), list(spelt)))


@pytest.fixture(scope="module")
def graph():
    top_block = gr.top_block()
    block = SpeechSynthesizer()
    sinks = sink(top_block, block, "audio"), sink(top_block, block, "failed")
    with running(top_block):
        yield block, *sinks


@pytest.fixture
def say(graph):
    """What the block makes of one PDU."""
    block, audio, _ = graph

    def last(message):
        before = audio.num_messages()
        post(block, "text", message)
        return received(audio, before + 1)[-1]

    return last


@pytest.mark.parametrize("user_id", [0, 1])
def test_the_voice_is_the_users(say, user_id):
    """The very samples of `Synthesizer`; what the receiver knew of the utterance stays beside them."""
    meta, speech = say(text_pdu(TEXT, user_id=user_id, seq=7, es_n0_db=8.0, confidence=0.9))
    np.testing.assert_array_equal(speech, Synthesizer()(TEXT, user_id))
    assert (meta["text"], meta["voice"], meta["sample_rate"]) == (TEXT, user_id, 16_000.0)
    assert (meta["user_id"], meta["seq"], meta["es_n0_db"], meta["confidence"]) == (user_id, 7, 8.0, 0.9)
    assert "warning" not in meta and 0 < meta["synthesis_s"] < 20


def test_an_unknown_user_gets_the_default_voice_and_a_warning(say):
    meta, speech = say(text_pdu(TEXT, user_id=4711))
    assert (meta["user_id"], meta["voice"]) == (4711, 0)
    assert meta["warning"] == "user 4711 has no voice here: that of user 0"
    np.testing.assert_array_equal(speech, Synthesizer()(TEXT, 0))


@pytest.mark.parametrize("text", ["", "   "])
def test_no_text_is_no_speech_and_a_reason(say, text):
    meta, speech = say(text_pdu(text, user_id=1))
    assert len(speech) == 0 and meta["warning"] == "nothing was recognised: no speech"


def test_a_lost_utterance_passes_by(graph):
    """It is a result of its own: nothing is spoken for it."""
    block, audio, failed = graph
    before, spoken = failed.num_messages(), audio.num_messages()
    post(block, "text", failure(put(pmt.make_dict(), seq=3), "header_crc", "unreadable"))
    post(block, "text", pmt.intern("no PDU"))
    got = received(failed, before + 2)[before:]
    assert [meta["error_type"] for meta, _ in got] == ["header_crc", "bad_message"]
    assert audio.num_messages() == spoken


def test_a_text_is_never_lost_for_want_of_a_voice(say, graph, monkeypatch):
    """The models fail on one text: it goes on without speech, and the next is spoken."""
    block = graph[0]

    def broken(*_):
        raise RuntimeError("no more memory")

    with monkeypatch.context() as patch:
        patch.setattr(block, "synthesizer", Broken(block.synthesizer, broken))
        meta, speech = say(text_pdu(TEXT))
    assert meta["text"] == TEXT and len(speech) == 0
    assert meta["warning"] == "the text could not be spoken: no more memory"
    assert len(say(text_pdu(TEXT))[1]) > 16_000


class Broken:
    """A synthesizer that knows its users and can no longer speak."""

    def __init__(self, sound, speak):
        self.users, self.sample_rate, self._speak = sound.users, sound.sample_rate, speak

    def __call__(self, *arguments):
        return self._speak(*arguments)


def test_missing_models_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model file .*\.onnx"):
        SpeechSynthesizer(str(tmp_path))
