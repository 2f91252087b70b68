"""GNU Radio's own channel blocks between encoder and decoder, wired as docs/channels.md says."""

import numpy as np
import pmt
import pytest
from gnuradio import analog, blocks, channels, gr
from gnuradio import pdu as pdu_blocks
from graph import pdu, post, received, running, sink

from gr_deepsc.blocks import SemanticDecoder, SemanticEncoder
from gr_deepsc.framing import SAMPLE_RATE

COMPLEX = gr.types.complex_t
BUFFER = 65_536  # items: a minute of speech is 30,000 symbols, and a tagged packet must fit a buffer whole
MODEL_LEAD = 3  # samples that channel_model swallows at the start of the stream
FILLER = pdu(np.zeros(64, np.complex64), filler=True)


class Graph(gr.top_block):
    """encoder -> stream -> `build(graph)`'s channel -> PDU -> decoder.

    Filler PDUs push the last samples of an utterance through: blocks with VOLK kernels (add, multiply) keep
    up to 7 samples back until more come, channel_model up to 16.
    """

    def __init__(self, model, build, equaliser="mmse", es_n0_db=20.0):
        super().__init__()
        self.encoder = SemanticEncoder(str(model), rate="paper")
        self.decoder = SemanticDecoder(str(model), equaliser, es_n0_db)
        self.stream = pdu_blocks.pdu_to_tagged_stream(COMPLEX)
        self.stream.set_min_output_buffer(BUFFER)
        self.packets = pdu_blocks.tagged_stream_to_pdu(COMPLEX)
        self.filler = blocks.message_strobe(FILLER, 50)
        self.msg_connect((self.encoder, "symbols"), (self.stream, "pdus"))
        self.msg_connect((self.filler, "strobe"), (self.stream, "pdus"))
        last = build(self)
        last.set_min_output_buffer(BUFFER)
        self.connect(last, self.packets)
        self.msg_connect((self.packets, "pdus"), (self.decoder, "symbols"))
        self.sent, self.symbols = sink(self, self.encoder, "symbols"), sink(self, self.packets, "pdus")
        self.text, self.failed = sink(self, self.decoder, "text"), sink(self, self.decoder, "failed")


def noise(es_n0_db: float) -> float:
    """The `amplitude` or `noise_voltage` for an Es/N0 in dB: E|n|^2 is its square."""
    return 10 ** (-es_n0_db / 20)


def awgn(graph):
    """Noise source and add: nothing is displaced, nothing to mend."""
    add = blocks.add_cc()
    graph.connect(graph.stream, (add, 0))
    graph.connect(analog.noise_source_c(analog.GR_GAUSSIAN, noise(12.0), 1), (add, 1))
    return add


def channel_model(graph):
    """The model swallows the stream's first 3 samples, but leaves the tags where they were.

    A delay of 3 puts the data back; the tags take a by-pass, since delay would move them along.
    """
    model = channels.channel_model(noise(12.0), 0.0, 1.0, [1.0], 1, block_tags=True)
    delay, nothing, add = blocks.delay(8, MODEL_LEAD), blocks.multiply_const_cc(0), blocks.add_cc()
    graph.connect(graph.stream, model, delay, (add, 0))
    graph.connect(graph.stream, nothing, (add, 1))
    return add


def fading_model(graph):
    """Rician, K = 4, slow Doppler, noise at 25 dB. A twin of the same seed fades ones: h, to divide by."""
    fader, twin = (channels.fading_model(8, 1e-4, True, 4.0, 7) for _ in range(2))
    add, divide = blocks.add_cc(), blocks.divide_cc()
    graph.connect(graph.stream, fader, (add, 0))
    graph.connect(analog.noise_source_c(analog.GR_GAUSSIAN, noise(25.0), 1), (add, 1))
    graph.connect(add, (divide, 0))
    graph.connect(analog.sig_source_c(1, analog.GR_CONST_WAVE, 0, 1, 0), twin, (divide, 1))
    return divide


TEXTS = ["first words", "a little more of them", "and done"]


@pytest.mark.parametrize("build", [awgn, channel_model, fading_model])
def test_text_comes_through(fixture_model, speak, build):
    """Three utterances, and metadata with them: streams carry it as tags."""
    with running(Graph(fixture_model, build)) as graph:
        for seq, text in enumerate(TEXTS):
            post(graph.encoder, "audio", pdu(speak(text), session="s", seq=seq, colour="blue"))
        metas = [meta for meta, _ in received(graph.text, len(TEXTS))]
        assert [meta["text"] for meta in metas] == TEXTS
        assert [(meta["seq"], meta["session"], meta["colour"]) for meta in metas] == [
            (seq, "s", "blue") for seq in range(len(TEXTS))
        ]
        assert graph.failed.num_messages() == 0


@pytest.mark.parametrize("build, es_n0_db", [(awgn, 12.0), (channel_model, 12.0)])
def test_noise_is_what_was_asked_for(fixture_model, speak, build, es_n0_db):
    """E|y - x|^2 = 10^(-Es/N0/10), symbol by symbol: one sample of misalignment would give 2 instead."""
    with running(Graph(fixture_model, build)) as graph:
        post(graph.encoder, "audio", pdu(np.tile(speak("all along the air"), 10), seq=1))
        ((_, x),) = received(graph.sent, 1)
        received(graph.text, 1)
        packets = received(graph.symbols, graph.symbols.num_messages())
        y = next(vector for meta, vector in packets if "filler" not in meta)
    error = np.mean(np.abs(y[: len(x)] - x) ** 2)
    assert error == pytest.approx(10 ** (-es_n0_db / 10), rel=4 / np.sqrt(len(x)))


@pytest.mark.parametrize("build", [awgn, channel_model, fading_model])
def test_a_minute(fixture_model, speak, build):
    """30,000 symbols need buffers of that size: GNU Radio ends pdu_to_tagged_stream's thread otherwise."""
    waveform = np.resize(speak("minute "), 60 * SAMPLE_RATE)
    with running(Graph(fixture_model, build)) as graph:
        post(graph.encoder, "audio", pdu(waveform))
        ((meta, _),) = received(graph.text, 1)
    assert meta["n_symbols"] == 30_000 and meta["text"].count("minute") >= 100


def test_filler_is_a_pdu_with_a_flag():
    """As docs/channels.md and the strobe in a flowgraph write it."""
    assert pmt.to_python(pmt.dict_ref(pmt.car(FILLER), pmt.intern("filler"), pmt.PMT_F)) is True
