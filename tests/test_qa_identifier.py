"""Identifier: the call sign is on the air at the start and at intervals, and receivers print it."""

import time

import numpy as np
import pytest
from gnuradio import blocks, gr
from graph import parse, pdu, post, received, running, sink, wait_until

from gr_deepsc.blocks import DeepscReceiver, Identifier
from gr_deepsc.blocks.burst_framer import BurstFramer
from gr_deepsc.blocks.burst_source import BurstSource
from gr_deepsc.codec.identification import Identification, check

SPOKEN = pdu(np.ones(40, np.complex64), user_id=7, codec=8, seq=3, session="abc")


def test_at_the_start_at_intervals_and_behind_the_last():
    """Before the first utterance, not before the second, again when 3 s have passed, and then never: silence."""
    top = gr.top_block()
    block = Identifier("dl1abc", every_min=0.05)
    debug, nothing = sink(top, block, "symbols"), blocks.null_source(8)
    top.connect(nothing, blocks.head(8, 1), blocks.null_sink(8))
    with running(top):
        start = time.monotonic()
        for _ in range(2):
            post(block, "symbols", SPOKEN)
        messages = received(debug, 4)
        assert 2.9 < time.monotonic() - start < 4.5
        time.sleep(3.5)
        assert debug.num_messages() == 4
    own = Identification("DL1ABC")
    assert [len(symbols) == len(own.symbols) for _, symbols in messages] == [True, False, False, True]
    assert np.allclose(messages[0][1], own.symbols)
    meta = messages[0][0]
    # half a round of sequence numbers away from the utterance whose sender waits
    assert (meta["user_id"], meta["seq"], meta["codec"], meta["rate"]) == (7, 19, 8, 520)
    assert "session" not in meta


def test_receivers_print_it():
    """Over the modem, by the receiver as it is: text nobody has spoken."""
    top = gr.top_block()
    block, framer, source = Identifier("DL1ABC/P"), BurstFramer(), BurstSource()
    receiver, throttle = DeepscReceiver(), blocks.throttle(8, 200e3)
    top.msg_connect(block, "symbols", framer, "symbols")
    top.msg_connect(framer, "bursts", source, "bursts")
    top.connect(source, throttle, receiver)
    debug = sink(top, receiver, "text")
    with running(top):
        post(block, "symbols", SPOKEN)
        wait_until(lambda: debug.num_messages())
    assert parse(debug.get_message(0))[0]["text"] == "this is delta lima one alpha bravo charlie stroke papa"


@pytest.mark.parametrize("call", ["DL1ABC", "dl1abc", "W1AW", "G0XYZ/P", "F/DL1ABC/M", "9A1A", "3DA0RS"])
def test_call_signs(call):
    assert check(call) == call.upper()


@pytest.mark.parametrize("call", ["", "Hello", "DL1", "1234", "DL1ABC!", "DL 1ABC"])
def test_no_call_signs(call):
    with pytest.raises(ValueError, match="is no call sign"):
        check(call)
