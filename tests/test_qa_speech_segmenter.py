"""Speech Segmenter: a stream becomes utterance PDUs, by the energy rule and by explicit end."""

import numpy as np
import pmt
import pytest
from gnuradio import blocks, gr
from gnuradio import pdu as blocks_pdu
from graph import pdu, post, received, running, sink, wait_until

from gr_deepsc.blocks import SemanticDecoder, SemanticEncoder, SpeechSegmenter
from gr_deepsc.speech.segment import Segmenter


def burst(seconds: float, level: float) -> np.ndarray:
    return (level * np.random.default_rng(1).standard_normal(round(16_000 * seconds))).astype(np.float32)


STREAM = np.concatenate([burst(1, 1e-4), burst(1, 0.1), burst(1.5, 1e-4), burst(0.7, 0.1), burst(1, 1e-4)])


def test_same_as_the_pure_rule():
    """Whatever pieces the scheduler cuts the stream into, the PDUs are the Segmenter's utterances."""
    top_block = gr.top_block()
    segmenter = SpeechSegmenter(16_000, session="mic", user_id=3, partial_s=0)
    top_block.connect(blocks.vector_source_f(STREAM.tolist()), segmenter)
    audio = sink(top_block, segmenter, "audio")
    with running(top_block):
        got = received(audio, 2)
    expected = Segmenter().push(STREAM)
    assert [meta["seq"] for meta, _ in got] == [0, 1]
    assert all((meta["session"], meta["user_id"], meta["sample_rate"]) == ("mic", 3, 16_000) for meta, _ in got)
    assert all(np.array_equal(samples, u) for (_, samples), u in zip(got, expected, strict=True))


def test_so_far_while_one_speaks():
    """All of the utterance so far under its number, after 1.5 s and in a pause, and then the whole."""
    top_block = gr.top_block()
    segmenter = SpeechSegmenter()
    top_block.connect(blocks.vector_source_f(STREAM.tolist()), segmenter)
    audio = sink(top_block, segmenter, "audio")
    with running(top_block):
        got = received(audio, 5)
    assert [(meta["seq"], meta.get("partial", False)) for meta, _ in got] == [
        (0, True),
        (0, True),
        (0, False),
        (1, True),
        (1, True),
    ]
    so_far, paused, whole = (samples for _, samples in got[:3])
    assert len(so_far) == 24_000 and np.array_equal(paused, whole[:-1280])  # 0.24 of 0.32 s of silence
    assert np.array_equal(so_far, whole[:24_000])


def test_explicit_end():
    """`end` sends the open utterance at once, without the hangover; without one it sends nothing."""
    top_block = gr.top_block()
    segmenter = SpeechSegmenter(hangover_s=5.0, partial_s=0)
    source = blocks_pdu.pdu_to_tagged_stream(gr.types.float_t)  # a stream that pauses but does not end
    source.set_min_output_buffer(65_536)  # or a PDU longer than the buffer ends that block
    top_block.connect(source, segmenter)
    audio = sink(top_block, segmenter, "audio")
    with running(top_block):
        post(source, "pdus", pdu(STREAM[:32_000]))
        wait_until(lambda: segmenter.nitems_read(0) == 32_000)
        post(segmenter, "end", pmt.PMT_T)
        ((_, samples),) = received(audio, 1)
    assert len(samples) / 16_000 == pytest.approx(0.8 + 1.0, abs=0.05)  # 1.0 s of speech ends where the PDU ends


def test_stream_that_ends_in_an_utterance(capfd):
    """GNU Radio gives its last utterance no way out; that must not go unsaid."""
    top_block = gr.top_block()
    segmenter = SpeechSegmenter()
    top_block.connect(blocks.vector_source_f(STREAM[:28_000].tolist()), segmenter)
    top_block.run()
    assert "the stream ended in an utterance" in "".join(capfd.readouterr())


def test_not_finite_samples():
    """NaN in the stream does not stop the flowgraph: it is in its utterance, for the encoder to refuse."""
    top_block = gr.top_block()
    stream = STREAM.copy()
    stream[24_000] = np.nan
    segmenter = SpeechSegmenter(partial_s=0)
    top_block.connect(blocks.vector_source_f(stream.tolist()), segmenter)
    audio = sink(top_block, segmenter, "audio")
    with running(top_block):
        first, second = received(audio, 2)
    assert np.isnan(first[1]).any() and np.isfinite(second[1]).all()


def test_into_the_encoder(fixture_model, speak):
    """Two spoken texts in one stream come out as two texts."""
    top_block = gr.top_block()
    silence = np.zeros(16_000, np.float32)
    stream = np.concatenate([silence, speak("first words"), silence, speak("then more"), silence])
    segmenter = SpeechSegmenter(partial_s=0)
    encoder, decoder = SemanticEncoder(str(fixture_model)), SemanticDecoder(str(fixture_model))
    top_block.connect(blocks.vector_source_f(stream.tolist()), segmenter)
    top_block.msg_connect((segmenter, "audio"), (encoder, "audio"))
    top_block.msg_connect((encoder, "symbols"), (decoder, "symbols"))
    text = sink(top_block, decoder, "text")
    with running(top_block):
        assert [meta["text"] for meta, _ in received(text, 2)] == ["first words", "then more"]


def test_wrong_parameters():
    """Refused when the flowgraph is made."""
    with pytest.raises(ValueError, match="must be"):
        SpeechSegmenter(hangover_s=0)
