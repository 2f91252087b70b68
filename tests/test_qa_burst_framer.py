"""Burst Framer: the samples of phy/, at the level that was asked for; what no burst can carry is refused by type."""

import numpy as np
import pmt
import pytest
from gnuradio import gr
from graph import pdu, post, received, running, sink

from gr_deepsc.blocks import BurstFramer
from gr_deepsc.codec.framewise import codec_id
from gr_deepsc.phy import utterance
from gr_deepsc.phy.frame import Layout

RNG = np.random.default_rng(0)


def symbols(frames: int) -> np.ndarray:
    """complex64 [20 * frames], Gaussian as the models' symbols nearly are, E|x|^2 = 1."""
    x = RNG.normal(size=(20 * frames, 2)).astype(np.float32).view(np.complex64)[:, 0]
    return x / np.sqrt(np.mean(np.abs(x) ** 2))


@pytest.fixture
def frame():
    """frame(framer, count, *messages) -> the first `count` PDUs of `bursts`."""

    def frame(framer, count, *messages, port="bursts"):
        top_block = gr.top_block()
        out = sink(top_block, framer, port)
        with running(top_block):
            for message in messages:
                post(framer, "symbols", message)
            return received(out, count)

    return frame


def test_samples_are_those_of_phy(frame):
    """Sample by sample, with the gain of the level: at -30 dB the limiter has nothing to do."""
    x = symbols(30)
    ((meta, samples),) = frame(BurstFramer(-30.0), 1, pdu(x, seq=33, user_id=513, model="a-pair"))
    (expected,) = utterance.split(x, codec_id("a-pair"), 513, 33)
    assert np.array_equal(samples, expected * np.float32(2 * 10**-1.5))
    assert (meta["burst"], meta["n_bursts"], meta["level_db"], meta["clipped"]) == (0, 1, -30.0, 0.0)
    assert (meta["seq"], meta["user_id"], meta["model"]) == (33, 513, "a-pair")


@pytest.mark.parametrize("level_db", [-40.0, -12.0])
def test_level(frame, level_db):
    """Mean power of the payload; what is not payload is 1.76 dB stronger."""
    ((meta, samples),) = frame(BurstFramer(level_db), 1, pdu(symbols(375)))
    layout = Layout(375)
    payload = samples[4 * (layout.down + 200) : -100]
    assert 10 * np.log10(np.mean(np.abs(payload) ** 2)) == pytest.approx(level_db, abs=0.25)
    assert np.abs(samples).max() <= 1 and meta["clipped"] < 1e-3


def test_limiter(frame):
    """At full scale the payload's peaks are cut, nothing leaves the range, and the PDU says how much was."""
    ((meta, samples),) = frame(BurstFramer(0.0), 1, pdu(symbols(100)))
    assert np.abs(samples).max() == pytest.approx(1, abs=1e-6)
    assert 0.2 < meta["clipped"] < 0.6  # P(|x|^2 > mean) = 1/e for a Gaussian payload, more of the stronger rest


def test_set_level(frame):
    """What GRC's slider calls."""
    framer = BurstFramer(-12.0)
    framer.set_level_db(-20)
    assert frame(framer, 1, pdu(symbols(5)))[0][0]["level_db"] == -20.0
    with pytest.raises(ValueError, match="-60 to 0"):
        framer.set_level_db(3)


def test_silence(frame):
    """Zeros around, for a stream that ends with the burst."""
    x = symbols(5)
    ((_, bare),) = frame(BurstFramer(), 1, pdu(x, seq=0))
    ((_, padded),) = frame(BurstFramer(silence=1000), 1, pdu(x, seq=0))
    assert np.array_equal(padded, np.pad(bare, 1000))


def test_a_long_utterance_is_several_bursts(frame):
    """40 s are 3 bursts, numbered, equally long give or take a frame."""
    got = frame(BurstFramer(), 3, pdu(symbols(1000), seq=1))
    assert [(meta["burst"], meta["n_bursts"], meta["seq"]) for meta, _ in got] == [(k, 3, 1) for k in range(3)]
    lengths = [len(samples) for _, samples in got]
    assert max(lengths) - min(lengths) <= 4 * (20 + 2)


def test_counts_where_there_is_no_seq(frame):
    """The receiver tells utterances apart by their number."""
    x = symbols(2)
    one, two = (samples for _, samples in frame(BurstFramer(-30), 2, pdu(x), pdu(x)))
    expected = [utterance.split(x, codec_id(""), 0, seq)[0] * np.float32(2 * 10**-1.5) for seq in (0, 1)]
    assert np.array_equal(one, expected[0]) and np.array_equal(two, expected[1])


@pytest.mark.parametrize(
    "message, error_type",
    [
        (pmt.intern("no PDU"), "bad_message"),
        (pdu(np.ones(20, np.float32)), "bad_message"),
        (pdu(np.ones(0, np.complex64)), "bad_message"),
        (pdu(np.ones(30, np.complex64)), "bad_message"),
        (pdu(np.ones(20 * 1501, np.complex64)), "bad_message"),
        (pdu(np.ones(20, np.complex64), user_id=70_000), "bad_message"),
        (pdu(np.ones(20, np.complex64), seq="first"), "bad_message"),
        (pdu(np.full(20, np.nan, np.complex64)), "not_finite"),
        (pdu(np.ones(1, np.complex64), error="lost before", error_type="silent"), "silent"),
    ],
)
def test_refuses_and_lives_on(frame, message, error_type):
    """Whatever is wrong, its owner hears of it and the next utterance is sent."""
    framer = BurstFramer()
    ((meta, _),) = frame(framer, 1, message, port="failed")
    assert meta["error_type"] == error_type and len(meta["error"]) > 10
    assert len(frame(framer, 1, pdu(symbols(2)))) == 1


@pytest.mark.parametrize("wrong", [{"level_db": 1}, {"level_db": -61}, {"level_db": np.nan}, {"silence": -1}])
def test_wrong_parameters(wrong):
    """Refused when the flowgraph is made."""
    with pytest.raises(ValueError, match="must be"):
        BurstFramer(**wrong)
