"""DeepSC Transmitter and Receiver: audio in at one end, text out at the other, over GNU Radio's channel model."""

from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile
from deepsc_host.files.transcripts import read_transcripts
from gnuradio import blocks, channels, gr
from graph import pdu, post, received, running, sink
from scipy.special import erfc

from gr_deepsc.blocks import AudioFileSource, DeepscReceiver, DeepscTransmitter
from gr_deepsc.radio.iqfile import IqFileError
from gr_deepsc.radio.profiles import PROFILES
from gr_deepsc.speech import audio

SAMPLES = Path(__file__).parent / "samples"
RATE = PROFILES["usrp"].symbol_rate


class Graph(gr.top_block):
    """Transmitter -> throttle -> channel model -> receiver, at Es/N0 `es_n0_db` of the payload."""

    def __init__(self, model, es_n0_db, cfo_hz=0.0, clock_ppm=0.0, level_db=-12.0, between="silence"):
        super().__init__()
        self.transmitter = DeepscTransmitter(str(model), level_db, between)
        self.receiver = DeepscReceiver(str(model), RATE)
        noise = 2 * 10 ** ((level_db - es_n0_db) / 20)
        self.throttle = blocks.throttle(gr.sizeof_gr_complex, 4 * RATE)
        self.channel = channels.channel_model(noise, cfo_hz / (4 * RATE), 1 - 1e-6 * clock_ppm, [1.0], 1)
        self.connect(self.transmitter, self.throttle, self.channel, self.receiver)
        self.text, self.status = sink(self, self.receiver, "text"), sink(self, self.receiver, "status")
        self.lost = [sink(self, end, "failed") for end in (self.transmitter, self.receiver)]

    def say(self, samples: np.ndarray, rate: int = 16_000, **meta) -> None:
        post(self.transmitter.encoder, "audio", pdu(samples, sample_rate=rate, **meta))


def test_text_through_the_channel_model(fixture_model, speak):
    """Carrier 5 % off, clock 100 ppm off, Es/N0 10 dB: the text, and what the receiver says of the channel."""
    texts = ["first words", "a longer sentence is told with a little more certainty"]
    with running(Graph(fixture_model, 10.0, 2500.0, 100.0)) as graph:
        for seq, text in enumerate(texts):
            graph.say(speak(text), seq=seq, user_id=77)
        got = [meta for meta, _ in received(graph.text, 2)]
    assert [(meta["text"], meta["seq"], meta["user_id"]) for meta in got] == [
        (text, seq, 77) for seq, text in enumerate(texts)
    ]
    long = got[1]
    assert long["es_n0_db"] == pytest.approx(10, abs=0.5)
    assert long["cfo_hz"] == pytest.approx(2500, abs=2)
    # 53 frames: the bound is 10 ppm, what the estimator reaches 20; the noise is another in every run
    assert long["clock_ppm"] == pytest.approx(100, abs=80)
    assert not any(failed.num_messages() for failed in graph.lost)


@pytest.mark.parametrize("level_db", [-40.0, 0.0])
def test_level(fixture_model, speak, level_db):
    """40 dB apart, and at full scale with the limiter at work: the same text, and the Es/N0 that theory leaves.

    A complex Gaussian signal cut at its own RMS keeps 1 - 1/e + sqrt(pi)/2 erfc(1) of its amplitude (Bussgang), 2.3 dB
    less; what the cut puts into the band takes a few tenths more.
    """
    with running(Graph(fixture_model, 12.0, level_db=level_db)) as graph:
        graph.say(speak("as loud as one likes it to be"), seq=0)
        ((meta, _),) = received(graph.text, 1)
    assert meta["text"] == "as loud as one likes it to be"
    limited_db = 0.0 if level_db else 20 * np.log10(1 - np.exp(-1) + np.sqrt(np.pi) / 2 * erfc(1))
    assert meta["es_n0_db"] == pytest.approx(12 + limited_db, abs=0.7)


def test_nothing_between_bursts(fixture_model, speak):
    """The stream stops behind the burst: what filters and receiver still hold comes out with the next one."""
    with running(Graph(fixture_model, 15.0, between="nothing")) as graph:
        for seq in range(8):
            graph.say(speak("words"), seq=seq)
        assert [meta["text"] for meta, _ in received(graph.text, 3)] == ["words"] * 3


def test_failures_come_out(fixture_model, speak):
    """Audio that cannot be encoded is a result of the transmitter; the next utterance goes through."""
    with running(Graph(fixture_model, 20.0)) as graph:
        graph.say(np.zeros(16_000, np.float32), seq=0)
        graph.say(speak("and on"), seq=1)
        assert received(graph.lost[0], 1)[0][0]["error_type"] == "silent"
        assert received(graph.text, 1)[0][0]["text"] == "and on"


def test_a_human_voice_with_the_default_model():
    """The shipped model over a channel with noise and both offsets."""
    samples, rate = audio.read(SAMPLES / "LJ002-0004.flac")
    said = read_transcripts(str(SAMPLES / "transcripts.csv"))["LJ002-0004"]
    with running(Graph("default", 6.0, 800.0, 30.0)) as graph:
        graph.say(samples, rate, seq=0)
        ((meta, _),) = received(graph.text, 1)
    assert jiwer.cer(said, meta["text"]) <= 0.25
    # N0 from some 750 degrees of freedom: sigma 0.16 dB, and the noise is another in every run
    assert meta["es_n0_db"] == pytest.approx(6, abs=5 * 0.16)
    assert meta["cfo_hz"] == pytest.approx(800, abs=1)


@pytest.mark.parametrize("wrong", [{"between": "music"}, {"level_db": 3.0}])
def test_wrong_parameters(fixture_model, wrong):
    """Refused when the flowgraph is made."""
    with pytest.raises(ValueError, match=r"none of|must be"):
        DeepscTransmitter(str(fixture_model), **wrong)


def test_audio_file_source(tmp_path):
    """Of stereo that is half empty the other half; silence behind the file, so that a receiver gets its last burst."""
    left = np.linspace(-0.5, 0.5, 10_000, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", np.stack([left, 0 * left], 1), 48_000, "FLOAT")
    top_block = gr.top_block()
    source = AudioFileSource(str(tmp_path / "a.wav"))
    head, out = blocks.head(gr.sizeof_float, 30_000), blocks.vector_sink_f()
    top_block.connect(source, head, out)
    top_block.run()
    assert np.array_equal(np.array(out.data(), np.float32), np.pad(left, (0, 20_000)))
    assert source.ended
    noise = np.random.default_rng(1).standard_normal((48_000, 2))
    soundfile.write(tmp_path / "iq.wav", 0.1 * noise, 250_000)
    for path, error_type in (("iq.wav", "bad_format"), ("b.wav", "missing")):
        with pytest.raises(IqFileError) as refused:
            AudioFileSource(str(tmp_path / path))
        assert refused.value.error_type == error_type


@pytest.mark.parametrize("rate", [8_000, 11_998, 44_100, 96_000])
def test_field_audio_of_any_rate(tmp_path, rate):
    """A tone of 1500 Hz stays one, at the flowgraph's rate, and its level too (0.001 dB)."""
    soundfile.write(tmp_path / "a.flac", 0.5 * np.sin(2 * np.pi * 1500 / rate * np.arange(rate)), rate, "PCM_24")
    top_block, out = gr.top_block(), blocks.vector_sink_f()
    source = AudioFileSource(str(tmp_path / "a.flac"))
    top_block.connect(source, blocks.head(gr.sizeof_float, 40_000), out)
    top_block.run()
    expected = 0.5 * np.sin(2 * np.pi * 1500 / 48_000 * np.arange(40_000))
    np.testing.assert_allclose(np.array(out.data())[200:], expected[200:], atol=5e-5)
