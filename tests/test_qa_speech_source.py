"""Speech Source: utterances become one endless stream, whole, in order, at the sound card's rate."""

import numpy as np
import pytest
from gnuradio import blocks, gr
from graph import pdu, post, running, wait_until

from gr_deepsc.blocks import SpeechSource

RATE = 16_000


def play(utterances, rate):
    """The stream from its first sample that is not silent to the silence at its end."""
    top_block = gr.top_block()
    source, throttle = SpeechSource(rate), blocks.throttle(gr.sizeof_float, rate * 20)
    sink = blocks.vector_sink_f()
    top_block.connect(source, throttle, sink)
    with running(top_block):
        for samples in utterances:
            post(source, "audio", pdu(samples, sample_rate=float(RATE)))
        wait_until(lambda: np.count_nonzero(sink.data()) >= len(utterances) * rate * 0.99)
        wait_until(lambda: sink.data()[-1] == 0)
    heard = np.array(sink.data(), np.float32)
    start = np.flatnonzero(heard)[0]
    return heard[start:]


def tones(count):
    t = np.arange(RATE) / RATE
    return [np.cos(2 * np.pi * (200 + 100 * k) * t).astype(np.float32) * 0.5 for k in range(count)]


def test_whole_and_in_order():
    """At its own rate every sample arrives unchanged, however GNU Radio cuts the stream; then silence."""
    given = tones(3)
    heard, wanted = play(given, RATE), np.concatenate(given)
    # between utterances there may be silence, while the next is on its way
    np.testing.assert_array_equal(heard[heard != 0], wanted[wanted != 0])


def test_resampled_to_the_sound_card():
    """1 s of 16 kHz is 1 s of 48 kHz: the same tone, and the same power."""
    (tone,) = tones(1)
    second = play([tone], 48_000)[:48_000]
    spectrum = np.abs(np.fft.rfft(second * np.hanning(len(second))))
    assert spectrum.argmax() == 200  # bins of 1 Hz
    assert np.mean(second[1000:-1000] ** 2) == pytest.approx(0.125, rel=0.01)


def test_a_backlog_is_bounded():
    """Eleven minutes at once: ten are kept."""
    source = SpeechSource(8_000)
    for _ in range(11):
        source._receive(pdu(np.ones(60 * RATE, np.float32), sample_rate=float(RATE)))
    assert source.dropped == 1
    source._receive(pdu(np.ones(10, np.float32)))  # no rate: refused, no exception
    assert source.dropped == 1


@pytest.mark.parametrize("rate", [0, -1, 44_100.5])
def test_rates(rate):
    with pytest.raises(ValueError, match="whole number"):
        SpeechSource(rate)
