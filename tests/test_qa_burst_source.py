"""Burst Source: bursts sample by sample, zeros between them, and no end."""

import numpy as np
import pmt
import pytest
from gnuradio import blocks, gr
from graph import pdu, post, running, wait_until

from gr_deepsc.blocks import BurstSource
from gr_deepsc.blocks.burst_source import MAX_WAITING

RNG = np.random.default_rng(0)


def burst(length: int) -> np.ndarray:
    return RNG.normal(size=(length, 2)).astype(np.float32).view(np.complex64)[:, 0]


@pytest.fixture
def play():
    """play(messages, length) -> the first `length` samples; the messages wait when the stream begins."""

    def play(messages, length):
        top_block = gr.top_block()
        source, head, out = BurstSource(), blocks.head(8, length), blocks.vector_sink_c()
        top_block.connect(source, head, out)
        for message in messages:
            source._receive(message)
        top_block.run()
        return np.array(out.data(), np.complex64), source

    return play


def test_bursts_are_exact(play):
    """Of any length, one right after the other, then silence."""
    parts = [burst(n) for n in (1, 5_000, 70_000)]
    samples, source = play(map(pdu, parts), 100_000)
    assert np.array_equal(samples, np.pad(np.concatenate(parts), (0, 100_000 - 75_001)))
    assert (source.sent, source.refused) == (3, 0)


def test_silence_between(play):
    """A burst that comes while the stream runs lies whole between zeros."""
    top_block = gr.top_block()
    source, throttle, out = BurstSource(), blocks.throttle(8, 200e3), blocks.vector_sink_c()
    top_block.connect(source, throttle, out)
    sent = burst(3_000)
    with running(top_block):
        for count in (1, 2):
            wait_until(lambda: len(out.data()) > 0)
            post(source, "bursts", pdu(sent))
            wait_until(lambda count=count: np.count_nonzero(out.data()) == count * len(sent))
    samples = np.array(out.data(), np.complex64)
    starts = [np.flatnonzero(samples)[k * len(sent)] for k in (0, 1)]
    assert starts[1] > starts[0] + len(sent)
    assert all(np.array_equal(samples[start:][: len(sent)], sent) for start in starts)


def test_refuses_and_lives_on(play):
    """What is no PDU of samples is counted, and so are more bursts than may wait."""
    messages = [pmt.intern("no PDU"), pdu(np.ones(9, np.float32))] + [pdu(burst(1))] * (MAX_WAITING + 3)
    samples, source = play(messages, 100)
    assert (source.sent, source.refused) == (MAX_WAITING, 2 + 3)
    assert np.count_nonzero(samples) == MAX_WAITING
