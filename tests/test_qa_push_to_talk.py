"""Push to Talk: keyed before the signal, released behind it, and released whatever happens to the flowgraph."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from gnuradio import blocks, gr
from graph import pdu, post, running, wait_until
from host_process import deepsc, flowgraph
from hosts import Host, free_addresses
from rigs import NEEDS_RIGCTLD, dummy_rig

from gr_deepsc.blocks import BurstSource, PushToTalk
from gr_deepsc.radio import ptt
from gr_deepsc.radio.permission import RadioError

RATE = 48_000
BURST = np.full(RATE // 2, 0.3, np.complex64)  # half a second


class Transmission:
    """Bursts -> real part -> Push to Talk -> paced like a sound card -> what was sent."""

    def __init__(self, way: str, **times: float) -> None:
        self.top = gr.top_block()
        self.source, self.ptt = BurstSource(), PushToTalk(way, RATE, **times)
        self.throttle, self.out = blocks.throttle(4, RATE), blocks.vector_sink_f()
        self.real = blocks.complex_to_real()
        self.top.connect(self.source, self.real, self.ptt, self.throttle, self.out)

    def send(self) -> None:
        post(self.source, "bursts", pdu(BURST))


def loud(samples) -> np.ndarray:
    return np.flatnonzero(np.asarray(samples))


@NEEDS_RIGCTLD
def test_rigctld_keyed_before_and_released_after():
    """By what the rig says: the lead before the first sample, the tail behind the last, twice; no sample lost."""
    with dummy_rig() as rig:
        sent = Transmission(rig.way, lead_s=0.25, tail_s=0.4)
        with running(sent.top):
            for count in (1, 2):
                sent.send()
                wait_until(lambda count=count: len(rig.changes) == 2 * count)
                (keyed, on), (released, off) = rig.changes[-2:]
                told, first, last, back = sent.ptt.times
                assert (on, off) == ("1", "0")
                assert keyed == pytest.approx(told, abs=0.1) and released == pytest.approx(back, abs=0.1)
                # what is in the buffer behind, 2,048 samples or 43 ms, and one work call may be early
                assert 0.25 - 0.1 < first - keyed < 0.25 + 0.15, "the lead"
                assert 0.4 - 0.1 < released - last < 0.4 + 0.2, "the tail"
        assert len(loud(sent.out.data())) == 2 * len(BURST)


@NEEDS_RIGCTLD
def test_released_when_the_flowgraph_stops():
    """In the middle of a burst."""
    with dummy_rig() as rig:
        sent = Transmission(rig.way)
        with running(sent.top):
            sent.send()
            wait_until(lambda: rig.keyed and len(loud(sent.out.data())))
        stopped = time.monotonic()
        wait_until(lambda: not rig.keyed)
        assert rig.changes[-1][0] - stopped < 0.3


# A flowgraph in a process of its own that keys and goes on keying; the word says how it comes to its end.
SCRIPT = """
import sys, os, signal, time
sys.path.insert(0, "tests")
from test_qa_push_to_talk import Transmission
sent = Transmission(sys.argv[1], lead_s=10, limit_s=float(sys.argv[2]))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
sent.top.start()
sent.send()
print("sent", flush=True)
time.sleep(60)
"""


@NEEDS_RIGCTLD
@pytest.mark.parametrize(
    "end, limit_s, within_s",
    [
        (signal.SIGKILL, 180, 0.5),
        pytest.param(signal.SIGSEGV, 180, 0.5, marks=pytest.mark.slow),
        (signal.SIGINT, 180, 1.0),
        (signal.SIGSTOP, 180, ptt.ALIVE_S + 0.7),
        (None, 1.5, 1.5 + 0.7),
    ],
)
def test_never_stays_keyed(end, limit_s, within_s):
    """Killed, crashed, Ctrl-C, hanging, and keyed for too long: released soon in each case."""
    command = [sys.executable, "-c", SCRIPT, "PORT", str(limit_s)]
    with dummy_rig() as rig:
        command[3] = rig.way
        # a new session: the signal goes to the group, as a terminal's Ctrl-C does
        with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
            try:
                wait_until(lambda: rig.keyed, 40)
                at = rig.changes[-1][0] if end is None else time.monotonic()
                if end:
                    os.killpg(process.pid, end)
                wait_until(lambda: not rig.keyed)
                assert rig.changes[-1][0] - at < within_s
            finally:
                process.kill()


@pytest.mark.parametrize("line, seen", [("rts", "cts"), ("dtr", "dsr")])
def test_serial_lines(line, seen):
    """pyserial's loop:// has RTS wired to CTS and DTR to DSR; the other line stays off."""
    made = ptt.Line(line, "loop://")
    for on in (False, True, False):
        made.set(on)
        assert (made._port.cts, made._port.dsr) == (on and seen == "cts", on and seen == "dsr")


def test_serial_keyed_before_and_released_after():
    """The same times by a serial line, as the process that holds the port has them."""
    sent = Transmission("rts:loop://", lead_s=0.25, tail_s=0.4)
    with running(sent.top):
        sent.send()
        wait_until(lambda: sent.ptt.times[3] > 0)
        keyed, first, last, released = sent.ptt.times
    assert 0.25 - 0.1 < first - keyed < 0.25 + 0.15
    assert 0.4 - 0.1 < released - last < 0.4 + 0.2


def test_vox_hears_a_tone_first():
    """A quarter of a second of 1500 Hz, then the burst at once."""
    sent = Transmission("vox", lead_s=0.25)
    with running(sent.top):
        sent.send()
        wait_until(lambda: sent.ptt.times[3] > 0)
    samples = np.array(sent.out.data())
    start = loud(samples)[0] - 1  # the sine begins with a zero
    tone, burst = samples[start : start + RATE // 4], samples[start + RATE // 4 :][: len(BURST)]
    assert np.argmax(np.abs(np.fft.rfft(tone))) * 4 == 1500
    assert np.allclose(burst, 0.3)


def test_nothing_is_done_without():
    """By default what comes goes."""
    sent = Transmission("none")
    with running(sent.top):
        sent.send()
        wait_until(lambda: len(loud(sent.out.data())) == len(BURST))
    assert sent.ptt.times == [0.0] * 4


@NEEDS_RIGCTLD
def test_not_sent_where_the_rig_is_gone():
    """The burst is dropped and reported; the next one, with rigctld back, would be sent."""
    with dummy_rig() as rig:
        sent = Transmission(rig.way, tail_s=0.2)
        debug = blocks.message_debug(False)
        sent.top.msg_connect((sent.ptt, "failed"), (debug, "store"))
    with running(sent.top):
        sent.send()
        wait_until(lambda: debug.num_messages())
        time.sleep(0.8)
    assert not len(loud(sent.out.data()))


@pytest.mark.parametrize(
    "way, says",
    [
        ("morse", "it must be none, vox"),
        ("rigctld:127.0.0.1:1", "is rigctld running"),
        ("rts:/dev/no_such_port", "is the cable in"),
    ],
)
def test_refused_at_the_start(way, says):
    """Before anything is sent, in one line."""
    with pytest.raises(RadioError, match=says) as error:
        ptt.Ptt(way)
    assert "\n" not in str(error.value)


def test_a_pseudo_terminal_has_no_lines():
    """So a port without RTS is an error at the start, not a transceiver that is never keyed."""
    ours, theirs = os.openpty()
    try:
        with pytest.raises(RadioError, match="modem lines"):
            ptt.Ptt(f"rts:{os.ttyname(theirs)}")
    finally:
        os.close(ours)
        os.close(theirs)


@NEEDS_RIGCTLD
@pytest.mark.slow
def test_flowgraph_keys_the_rig(tmp_path, speak, fixture_model):
    """`deepsc flowgraph run ssb_tx`, sound card and all: refused without a permission; then keyed once for a call sign
    and an utterance, which are one transmission; and not once Ctrl-C has ended it."""
    (tmp_path / ".asoundrc").write_text("pcm.!default { type null }\n")
    home = {"HOME": str(tmp_path)}
    refused = deepsc("flowgraph", "run", "ssb_tx", **home)
    assert refused.returncode == 2 and "--i-may-transmit yes" in refused.stderr
    audio, results = free_addresses(2)
    with dummy_rig() as rig:
        options = ["--ptt", rig.way, "--call", "DL1ABC", "--i-may-transmit", "yes", "--tail", "1"]
        with (
            flowgraph("ssb_tx", fixture_model, audio, results, *options, **home) as process,
            Host(audio, results) as host,
        ):
            host.settle()
            host.send(speak("over the air"), seq=0)
            wait_until(lambda: len(rig.changes) == 2)
            host.send(speak("over the air"), seq=1)
            wait_until(lambda: rig.keyed)
            process.send_signal(signal.SIGINT)
            wait_until(lambda: not rig.keyed)
