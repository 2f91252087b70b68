"""Small helpers for tests that run real flowgraphs: post PDUs, wait for what comes out."""

import time
from contextlib import contextmanager

import numpy as np
import pmt
from gnuradio import blocks, gr

from gr_deepsc.blocks import AudioLink, BlockFadingChannel, ResultLink, SemanticDecoder, SemanticEncoder


class LinkedRadio(gr.top_block):
    """The whole radio of sim_awgn.grc at 20 dB, from its Audio Link to its Result Link."""

    def __init__(self, model, audio_address, result_address):
        super().__init__()
        self.audio, self.results = AudioLink(audio_address), ResultLink(result_address)
        self.encoder, self.channel = SemanticEncoder(str(model), rate="paper"), BlockFadingChannel()
        self.decoder = SemanticDecoder(str(model))
        self.msg_connect((self.audio, "audio"), (self.encoder, "audio"))
        self.msg_connect((self.encoder, "symbols"), (self.channel, "symbols"))
        self.msg_connect((self.channel, "symbols"), (self.decoder, "symbols"))
        self.msg_connect((self.decoder, "text"), (self.results, "text"))
        for block in (self.audio, self.encoder, self.decoder):
            self.msg_connect((block, "failed"), (self.results, "text"))


@contextmanager
def running(top_block: gr.top_block):
    """The flowgraph runs inside the `with`."""
    top_block.start()
    try:
        yield top_block
    finally:
        top_block.stop()
        top_block.wait()


def sink(top_block: gr.top_block, block, port: str) -> blocks.message_debug:
    """A message_debug that stores what `block` sends from `port`."""
    debug = blocks.message_debug(False)
    top_block.msg_connect((block, port), (debug, "store"))
    return debug


def received(debug: blocks.message_debug, count: int, timeout: float = 20.0) -> list:
    """The first `count` messages, as (metadata dict, vector) in Python types; fails after `timeout` s."""
    wait_until(lambda: debug.num_messages() >= count, timeout)
    return [parse(debug.get_message(i)) for i in range(count)]


def parse(message) -> tuple[dict, np.ndarray]:
    """Metadata as a Python dict, the vector as an array."""
    items = pmt.dict_items(pmt.car(message))
    pairs = [pmt.nth(i, items) for i in range(pmt.length(items))]
    meta = {pmt.to_python(pmt.car(pair)): pmt.to_python(pmt.cdr(pair)) for pair in pairs}
    return meta, np.array(pmt.to_python(pmt.cdr(message)))


def wait_until(condition, timeout: float = 20.0) -> None:
    """Poll `condition` until it holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain"
        time.sleep(0.01)


def post(block, port: str, message) -> None:
    """Put a message into a block's input port, as an upstream block would."""
    block.to_basic_block()._post(pmt.intern(port), message)


def pdu(samples: np.ndarray, **meta):
    """A PDU of float32 or complex64 samples with metadata of Python values."""
    entries = pmt.make_dict()
    for key, value in meta.items():
        value = vector(value) if isinstance(value, np.ndarray) else pmt.to_pmt(value)
        entries = pmt.dict_add(entries, pmt.intern(key), value)
    return pmt.cons(entries, vector(samples))


def vector(samples: np.ndarray):
    """A pmt uniform vector."""
    make = pmt.init_c32vector if np.iscomplexobj(samples) else pmt.init_f32vector
    return make(len(samples), samples.tolist())
