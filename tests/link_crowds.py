"""What the links do where many send, hosts stop, and a flowgraph is told to end. Points as in link_points.py."""

import contextlib
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import fixture_models
import numpy as np
from host_process import flowgraph, started
from hosts import Host, free_addresses
from radio_points import Point

from gr_deepsc.link.publisher import Publisher
from gr_deepsc.link.sockets import Bound
from gr_deepsc.speech import audio

GOOD = fixture_models.speak("still here")
FULL = 12  # utterances of 50 s that wait when a flowgraph is told to end
SAMPLES = Path(__file__).with_name("samples")


def stopped(size: float) -> Iterator[Point]:
    """`deepsc receive` is stopped (SIGSTOP) 30 s at full size while 77 results are published, and goes on.

    The publisher is the Result Link's own, in this process. After 2 s without a heartbeat the subscriber is given up;
    what was sent until then lies in the sockets' buffers, the rest is asked for again.
    """
    (address,) = free_addresses(1)
    bound = Bound("xpub", address, "")
    publisher, results, pause = Publisher(bound), 77, max(3.0, 30 * size)
    with started("receive", "--address", address, "--json", "--timeout", "10") as receiver:
        said: list[str] = []
        told = receiver.stderr.readline()
        assert "listening" in told, told
        publisher.send({"text": "0"})
        said.append(receiver.stdout.readline())
        receiver.send_signal(signal.SIGSTOP)
        for number in range(1, results + 1):
            publisher.send({"text": str(number)}, np.zeros(16_000, np.float32), 16_000)
            time.sleep(pause / results)
        receiver.send_signal(signal.SIGCONT)
        begin = time.monotonic()
        reading = threading.Thread(target=lambda: said.extend(receiver.stdout.readline() for _ in range(results)))
        reading.start()
        while reading.is_alive() and time.monotonic() < begin + 20:
            publisher.serve()
            time.sleep(0.01)
        seconds = time.monotonic() - begin
    bound.close()
    texts = [json.loads(line)["text"] for line in said if line]
    yield Point(
        "links",
        f"receiver stopped {pause:.0f} s, {results} results meanwhile",
        f"{len(texts) - 1} came, in order, {seconds:.1f} s after it went on",
        "all",
        texts == [str(number) for number in range(results + 1)],
    )


# Sends utterances of 50 s for ever, as fast as they are taken.
FLOOD = """
import sys, numpy, zmq
from gr_deepsc.link.sockets import open_socket
from gr_deepsc.link.protocol import pack_utterance
push = open_socket(zmq.Context(), "push", sys.argv[1], bind=False)
push.setsockopt(zmq.SNDTIMEO, -1)
speech = numpy.resize(numpy.fromfile(sys.argv[2], "f4"), 50 * 16_000)
for seq in range(10**6):
    for frames in pack_utterance(speech, session="flood", seq=seq):
        push.send_multipart(frames)
"""


def crowd(size: float) -> Iterator[Point]:
    """A sender of short utterances (3.4 s at full size) beside one who sends valid ones of 50 s at full speed.

    At full size with the shipped model, else with the analytic one.
    """
    times = max(5, round(15 * size))
    with fixture(size) as model, contextlib.ExitStack() as stack:
        audio_address, results = free_addresses()
        stack.enter_context(flowgraph("sim_fading", model, audio_address, results, "--channel", "none"))
        host = stack.enter_context(Host(audio_address, results))
        host.settle()
        speech = audio.check(*audio.read(SAMPLES / "LJ002-0045.flac")) if size == 1 else GOOD
        alone = [_wait(host, speech, seq) for seq in range(times)]
        file = stack.enter_context(tempfile.NamedTemporaryFile())
        speech.tofile(file.name)
        flood = stack.enter_context(subprocess.Popen([sys.executable, "-c", FLOOD, audio_address, file.name]))
        time.sleep(5)
        beside = [_wait(host, speech, times + seq) for seq in range(times)]
        flood.kill()
    one, other = statistics.median(alone), statistics.median(beside)
    yield Point(
        "links",
        f"short utterances beside a flood of long ones, {times} times",
        f"median wait {other:.2f} s, alone {one:.2f} s",
        "answered; at most twice the time at full size",
        other <= 2 * one or size < 1,
    )


def _wait(host: Host, speech: np.ndarray, seq: int) -> float:
    """Seconds until the answer to an utterance."""
    begin = time.monotonic()
    host.send(speech, seq=seq, session="good")
    while True:
        result = host.result(120.0)
        if (result["session"], result["seq"]) == ("good", seq):
            assert not result["lost"], result
            return time.monotonic() - begin


def end(size: float) -> Iterator[Point]:
    """SIGTERM while utterances of 50 s wait."""
    with fixture(size) as model:
        addresses = free_addresses()
        with flowgraph("sim_fading", model, *addresses, "--channel", "none") as process, Host(*addresses) as host:
            host.settle()
            speech = np.resize(
                audio.check(*audio.read(SAMPLES / "LJ002-0045.flac")) if size == 1 else GOOD, 50 * 16_000
            )
            for seq in range(FULL):
                host.send(speech, seq=seq, session=f"sender {seq}")
            time.sleep(1)
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            status = process.wait(60)
            seconds = time.monotonic() - begin
    measured = f"ended after {seconds:.1f} s, status {status}"
    yield Point(
        "links",
        f"SIGTERM, {FULL} utterances of 50 s waiting",
        measured,
        "< 2 s, 0",
        (seconds < 2 or size < 1) and status == 0,
    )


def fixture(size: float):
    """The model's name or folder."""
    if size == 1:
        return contextlib.nullcontext("default")
    return fixture_models.temporary()


TESTS = (stopped, crowd, end)

if __name__ == "__main__":
    for test in TESTS:
        for point in test(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0):
            print(point, flush=True)
