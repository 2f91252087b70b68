"""Radio Path: phy's path on each burst, reproducible, at unit energy whatever the framer's level was."""

import numpy as np
import pmt
import pytest
from gnuradio import gr
from graph import pdu, post, received, running, sink

from gr_deepsc.blocks import RadioPath
from gr_deepsc.phy.air import Air

SENT = np.exp(2j * np.pi * np.random.default_rng(0).random(4_000)).astype(np.complex64) / 2


@pytest.fixture
def send():
    """send(path, *messages, port) -> as many PDUs of `port`."""

    def send(path, *messages, port="bursts"):
        top_block = gr.top_block()
        out = sink(top_block, path, port)
        with running(top_block):
            for message in messages:
                post(path, "bursts", message)
            return received(out, len(messages))

    return send


def test_is_phys_path(send):
    """All parameters arrive there, the carrier offset in hertz."""
    path = RadioPath("rician", 3.0, 250.0, 50.0, 10.5, 25_000.0, 2.0, seed=4)
    ((meta, samples),) = send(path, pdu(SENT, seq=6, burst=0, level_db=0.0))
    expected = Air("rician", 3.0, 0.01, 50.0, 10.5, 2.0)(SENT / 2, np.random.default_rng([4, 6, 0]))
    expected *= 2 / np.sqrt(1 + 4 * 10**-0.3)  # signal and noise together at 0 dB
    assert np.allclose(samples, expected, atol=1e-6)
    assert (meta["channel"], meta["es_n0_db_set"]) == ("rician", 3.0)
    assert path.sent == len(samples)


def test_the_level_stays(send):
    """The same burst at two levels meets the same Es/N0, and what arrives is as strong as what was sent."""
    levels = (-40.0, -12.0)
    gains = [2 * 10 ** (level / 20) for level in levels]
    messages = [pdu(SENT * np.float32(g), seq=1, level_db=v) for g, v in zip(gains, levels, strict=True)]
    one, two = (samples for _, samples in send(RadioPath("awgn", 10.0), *messages))
    assert np.allclose(10 ** ((levels[1] - levels[0]) / 20) * one, two, atol=1e-5)
    assert np.mean(np.abs(two) ** 2) == pytest.approx(10**-1.2, rel=0.05)  # the phase is the path's own


def test_depends_on_seed_seq_and_burst_only(send):
    """What was sent before does not matter, so a file gives the same text alone and in a batch."""
    first, second, part = pdu(SENT, seq=1), pdu(SENT, seq=2), pdu(SENT, seq=1, burst=1)
    one, two, three = (y for _, y in send(RadioPath("rayleigh", seed=5), first, second, part))
    two_first, one_second = (y for _, y in send(RadioPath("rayleigh", seed=5), second, first))
    ((_, other_seed),) = send(RadioPath("rayleigh", seed=6), first)
    assert np.array_equal(one, one_second) and np.array_equal(two, two_first)
    assert not any(np.array_equal(one, y) for y in (two, three, other_seed))


def test_none(send):
    """No noise and no fading, but the offsets of carrier and delay."""
    ((meta, samples),) = send(RadioPath("none", cfo_hz=100.0, delay_samples=7), pdu(SENT, level_db=0.0))
    assert np.allclose(np.abs(samples[7 : 7 + len(SENT)]), np.abs(SENT), atol=2e-3)
    assert "es_n0_db_set" not in meta


@pytest.mark.parametrize(
    "message, error_type",
    [
        (pmt.intern("no PDU"), "bad_message"),
        (pdu(SENT.real), "bad_message"),
        (pdu(SENT, seq="first"), "bad_message"),
        (pdu(SENT, error="lost before", error_type="silent"), "silent"),
    ],
)
def test_refuses_and_lives_on(send, message, error_type):
    """Their owner hears of it and the next burst is sent."""
    path = RadioPath()
    ((meta, _),) = send(path, message, port="failed")
    assert meta["error_type"] == error_type
    assert len(send(path, pdu(SENT))) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "fibre"},
        {"rician_k": -1},
        {"seed": -1},
        {"symbol_rate": 0},
        {"cfo_hz": 30_000},
        {"clock_ppm": 1e5},
        {"delay_samples": -1},
    ],
)
def test_wrong_parameters(wrong):
    """Refused when the flowgraph is made."""
    with pytest.raises(ValueError, match=r"none of|must be"):
        RadioPath(**wrong)
