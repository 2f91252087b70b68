"""What the links to the hosts survive: peers killed, messages malformed. Points as in radio_points.py.

Every function takes the size of its measurement, from 0 to 1 (all of it). Seconds and rates are reported, and asked for
only of the whole measurement, on a machine that does nothing else. The flowgraph is sim_fading, run by `deepsc
flowgraph run` in a process of its own with the analytic models, without noise; hosts are `deepsc` processes or the
host's classes, over TCP sockets.
"""

import contextlib
import json
import math
import os
import queue
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import fixture_models
import numpy as np
import soundfile
import zmq
from deepsc_host.commands.send import Sender
from deepsc_host.errors import HostError
from host_process import START_S, flowgraph, started
from hosts import Host, free_addresses
from radio_points import Point

from gr_deepsc.link.protocol import MAX_HEADER, pack_audio
from gr_deepsc.link.sockets import MAX_FRAME

RECOVERY_S = 2.0
PATIENCE_S = 60.0  # what comes later has not come
AGAIN_S = 0.1  # between two utterances of someone who waits for a flowgraph
RATE = 10_000  # messages of garbage a second
GROWTH_MB = 16.0  # of resident memory, a tenth of what the flowgraph has at rest
WHOLE_MB = 64.0  # the same over all cases, speech of a minute among them; +26 MB were measured
GOOD = fixture_models.speak("still here")
LONGEST = np.resize(np.pad(GOOD, (0, 10 * 16_000)), 60 * 16_000)  # few words, for all are synthesised


# restart -------------------------------------------------------------------------------------------------------------


def restart(size: float) -> Iterator[Point]:
    """kill -9 of the flowgraph or of a host, 20 times each at full size, and how long until it all works again.

    flowgraph: killed with a minute of speech in work. The clock starts when both ports of the next one accept a TCP
        connection, which is before its models are loaded. The hosts are not restarted: from then on a sender sends an
        utterance every 0.1 s, and the clock stops when `deepsc receive` has printed the first result of them.
    deepsc send: a sender is killed within an utterance. The clock runs from the line "sent" of the next one,
        `deepsc send --wait`, to its result on stdout.
    deepsc receive: the clock starts at the line "listening" of the next one, when an utterance is sent, and stops at
        its result.

    The start of the processes themselves is not counted: it is that of Python and of GNU Radio.
    """
    kills = max(1, round(20 * size))
    with fixture_models.temporary() as model:
        audio, results = free_addresses()
        limit = RECOVERY_S if size == 1 else math.inf
        yield _times("flowgraph", limit, *_kill_flowgraph(model, audio, results, kills))
        with flowgraph("sim_fading", model, audio, results, "--channel", "none"):
            yield _times("deepsc send", limit, _kill_senders(audio, results, kills))
            yield _times("deepsc receive", limit, _kill_receivers(audio, results, kills))


def _times(peer: str, limit: float, seconds: list[float], unanswered: int | None = None) -> Point:
    measured = f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s"
    if unanswered is not None:
        measured += f"; {unanswered} utterances sent meanwhile unanswered"
    return Point("restart", f"{peer} killed {len(seconds)} times", measured, f"< {limit:g} s", max(seconds) < limit)


def _kill_flowgraph(model: Path, audio: str, results: str, kills: int) -> tuple[list[float], int]:
    """Seconds until each restarted flowgraph answered, and how many utterances it left without an answer."""
    seconds, asked_in_vain, context = [], [], zmq.Context()
    options = ["--model", str(model), "--audio-address", audio, "--result-address", results, "--channel", "none"]
    receiver = started("receive", "--address", results, "--json", "--timeout", str(START_S))
    with receiver as host, contextlib.closing(Sender(context, audio, timeout_s=PATIENCE_S)) as sender:
        lines = Lines(host.stdout)
        threading.Thread(target=host.stderr.read, daemon=True).start()  # nobody reads it: it must not fill up
        for _ in range(kills + 1):
            with started("flowgraph", "run", "sim_fading", "--", *options, log=subprocess.DEVNULL) as process:
                ready = _await_ports(process, audio, results)
                answered, asked = _ask_until_answered(sender, lines, ready)
                seconds.append(answered - ready)
                asked_in_vain.append(asked - 1)
                with contextlib.suppress(HostError):
                    sender.send(LONGEST)
                process.send_signal(signal.SIGKILL)
                process.wait()
    context.destroy(linger=0)
    return seconds[1:], sum(asked_in_vain[1:])  # the first start is nobody's restart


def _await_ports(process: subprocess.Popen, *addresses: str) -> float:
    """The moment at which a process accepts connections at all addresses."""
    deadline = time.monotonic() + START_S
    for address in addresses:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        while True:
            assert process.poll() is None and time.monotonic() < deadline, "the flowgraph does not start"
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
                break
            time.sleep(0.005)
    return time.monotonic()


def _ask_until_answered(sender: Sender, lines: "Lines", since: float) -> tuple[float, int]:
    """When the first result of an utterance sent from now on came (infinite: never), and how many were sent."""
    first = sender.sent
    while time.monotonic() < since + PATIENCE_S:
        sender.send(GOOD)
        again = time.monotonic() + AGAIN_S
        while (line := lines.next(again)) is not None:
            moment, result = line[0], json.loads(line[1])
            if result["session"] == sender.session and result["seq"] >= first and not result["lost"]:
                return moment, sender.sent - first
    return float("inf"), sender.sent - first


# Sends all of an utterance but its end, and waits to be killed.
UNFINISHED = """
import sys, time
import numpy, zmq
from gr_deepsc.link.sockets import open_socket
from gr_deepsc.link.protocol import pack_utterance

push = open_socket(zmq.Context(), "push", sys.argv[1], bind=False)
for frames in list(pack_utterance(numpy.ones(64_000, "f4"), session="unfinished", seq=0))[:-1]:
    push.send_multipart(frames)
print("unfinished", flush=True)
time.sleep(60)
"""


def _kill_senders(audio: str, results: str, kills: int) -> list[float]:
    seconds = []
    with tempfile.NamedTemporaryFile(suffix=".wav") as recording:
        soundfile.write(recording.name, GOOD, 16_000)
        asked = ["--address", audio, "--result-address", results, "--timeout", str(PATIENCE_S), recording.name]
        for _ in range(kills):
            with subprocess.Popen([sys.executable, "-c", UNFINISHED, audio], stdout=subprocess.PIPE) as victim:
                victim.stdout.readline()
                victim.send_signal(signal.SIGKILL)
            with started("send", "--wait", "--json", *asked) as process:
                told, said = Lines(process.stderr), Lines(process.stdout)
                seconds.append(_between(told.next_with("sent ", START_S), said.next_with("still here", PATIENCE_S)))
    return seconds


def _kill_receivers(audio: str, results: str, kills: int) -> list[float]:
    seconds, context = [], zmq.Context()
    with contextlib.closing(Sender(context, audio, timeout_s=PATIENCE_S)) as sender:
        sender.wait_for_peer()
        for _ in range(kills + 1):
            with started("receive", "--address", results, "--json") as process:
                told, said = Lines(process.stderr), Lines(process.stdout)
                ready = told.next_with("listening", START_S)
                sender.send(GOOD)
                seconds.append(_between(ready, said.next_with("still here", PATIENCE_S)))
                process.send_signal(signal.SIGKILL)
    context.destroy(linger=0)
    return seconds[1:]


def _between(ready: float | None, answered: float | None) -> float:
    assert ready is not None, "the host does not start"
    return float("inf") if answered is None else answered - ready


class Lines:
    """The lines of a process's output, each with the moment (of time.monotonic) at which it came."""

    def __init__(self, stream: IO[str]) -> None:
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        with contextlib.suppress(ValueError):  # closed when its process was killed
            for line in stream:
                self._queue.put((time.monotonic(), line))

    def next(self, deadline: float) -> tuple[float, str] | None:
        """The next line, or None where none came before `deadline`."""
        with contextlib.suppress(queue.Empty):
            return self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
        return None

    def next_with(self, words: str, timeout_s: float) -> float | None:
        """When the next line with these words came, or None where none did within the timeout."""
        deadline = time.monotonic() + timeout_s
        while (line := self.next(deadline)) is not None:
            if words in line[1]:
                return line[0]
        return None


# malformed -----------------------------------------------------------------------------------------------------------


def malformed(size: float) -> Iterator[Point]:
    """Each kind of bad input, 20 times at full size; then garbage, 20 s of it. After each, an utterance is decoded.

    A refusal is a result with the error's type. A frame above 4 MiB cannot have one: libzmq cuts the connection
    before anybody has seen it.
    """
    times = max(1, round(20 * size))
    with fixture_models.temporary() as model:
        audio, results = free_addresses()
        with (
            flowgraph("sim_fading", model, audio, results, "--channel", "none") as process,
            Host(audio, results) as host,
        ):
            host.settle()
            _warm_up(host)
            memory = Memory(process.pid)
            for name, wanted, send in CASES:
                yield _refused(name, wanted, send, host, times, process)
            yield _oversized_frame(audio, host, times, process)
            yield _no_zmtp([audio, results], host, max(20, round(400 * size)), process)
            least = 0.9 * RATE if size == 1 else 0.0
            yield _flood(audio, results, host, max(1.5, 20 * size), least, process)
            memory.look()
            yield Point(
                "malformed",
                "all of this in one process",
                f"{memory.before:.0f} MB resident, {memory.growth:+.1f} MB",
                f"<= {WHOLE_MB:g} MB more",
                memory.growth <= WHOLE_MB and process.poll() is None,
            )


def _header(**changes: object) -> bytes:
    return json.dumps(json.loads(pack_audio(GOOD[:0], session="test", seq=0)[0]) | changes).encode()


def _samples(samples: np.ndarray) -> Callable[[Host], None]:
    return lambda host: host.send(samples, seq=0)


def _frames(*frames: bytes) -> Callable[[Host], None]:
    return lambda host: host.push.send_multipart(frames)


def _with(value: float) -> np.ndarray:
    samples = GOOD.copy()
    samples[len(samples) // 2] = value
    return samples


# Name, type of the refusal ("" where it is taken), how to send it.
CASES = (
    ("empty utterance", "empty", _samples(GOOD[:0])),
    ("1 sample", "empty", _samples(GOOD[:1])),
    ("60 s", "", _samples(LONGEST)),
    ("60.1 s", "too_long", _samples(np.resize(GOOD, 601 * 1600))),
    ("one NaN", "not_finite", _samples(_with(np.nan))),
    ("one infinite sample", "not_finite", _samples(_with(np.inf))),
    ("7,999 Hz", "bad_rate", _frames(_header(sample_rate=7999), GOOD.tobytes())),
    ("192,001 Hz", "bad_rate", _frames(_header(sample_rate=192_001), GOOD.tobytes())),
    ("rate of 0 Hz", "bad_rate", _frames(_header(sample_rate=0), GOOD.tobytes())),
    ("half of a JSON header", "bad_message", _frames(_header()[:60], GOOD.tobytes())),
    ("JSON 4,096 brackets deep", "bad_message", _frames(b"[" * 4096, b"")),
    ("header of 4,097 bytes", "bad_message", _frames(_header().ljust(MAX_HEADER + 1), b"")),
    ("payload of 7 bytes", "bad_message", _frames(_header(), b"1234567")),
    ("empty message", "bad_message", _frames(b"")),
    ("500 frames", "bad_message", _frames(*[b"x"] * 500)),
)  # fmt: skip


def _refused(name: str, wanted: str, send, host: Host, times: int, process: subprocess.Popen) -> Point:
    """A case sent `times` times, an utterance after each."""
    types, seconds = set(), []
    for _ in range(times):
        time.sleep(0.06)  # Audio Link reports 20 refusals a second, so that a flood drowns nobody
        start = time.monotonic()
        send(host)
        result = host.result(PATIENCE_S)
        seconds.append(time.monotonic() - start)
        types.add(result["error_type"] or "")
        _decode(host)
    measured = ", ".join(sorted(kind or "decoded" for kind in types))
    return Point(
        "malformed",
        f"{name}, {times} times",
        f"{measured} after {max(seconds):.2f} s at most; next utterance decoded",
        wanted or "decoded",
        types == {wanted} and process.poll() is None,
    )


def _oversized_frame(audio: str, host: Host, times: int, process: subprocess.Popen) -> Point:
    memory, context, cut = Memory(process.pid), zmq.Context(), 0
    for _ in range(times):
        with context.socket(zmq.PUSH) as raw, raw.get_monitor_socket(zmq.EVENT_DISCONNECTED) as watch:
            raw.setsockopt(zmq.LINGER, 0)
            raw.connect(audio)
            raw.send_multipart([_header(), bytes(MAX_FRAME + 1)])
            cut += bool(watch.poll(round(1000 * PATIENCE_S)))
            raw.disable_monitor()
        _decode(host)
        memory.look()
    context.destroy(linger=0)
    return Point(
        "malformed",
        f"frame of 4 MiB and a byte, {times} times",
        f"connection cut {cut} times, {memory.growth:+.1f} MB; next utterance decoded",
        "cut every time",
        cut == times and memory.growth <= GROWTH_MB and process.poll() is None,
    )


def _no_zmtp(addresses: list[str], host: Host, times: int, process: subprocess.Popen) -> Point:
    """Connections that speak no ZeroMQ at all, to both ports."""
    rng, files = np.random.default_rng(1), len(os.listdir(f"/proc/{process.pid}/fd"))
    for k in range(times):
        name, _, port = addresses[k % 2].removeprefix("tcp://").rpartition(":")
        with contextlib.suppress(OSError), socket.create_connection((name, int(port)), timeout=1) as raw:
            raw.sendall(rng.bytes(1000))
    _decode(host)
    deadline = time.monotonic() + PATIENCE_S
    while (left := len(os.listdir(f"/proc/{process.pid}/fd")) - files) > 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    return Point(
        "malformed",
        f"{times} TCP connections with 1,000 random bytes, no ZeroMQ",
        f"{max(left, 0)} left open; next utterance decoded",
        "0 left open",
        left <= 0 and process.poll() is None,
    )


def _flood(audio: str, results: str, host: Host, seconds: float, least: float, process: subprocess.Popen) -> Point:
    """Messages of 1 to 4 frames of random bytes from one sender, an utterance a second from another."""
    rng, memory = np.random.default_rng(4), Memory(process.pid)
    garbage = [[rng.bytes(int(rng.integers(300))) for _ in range(int(rng.integers(1, 5)))] for _ in range(RATE)]
    refusals, asked, answered, sent, start = set(), {}, {}, 0, time.monotonic()
    with Host(audio, results) as flooder:

        def listen(timeout_ms: int) -> None:
            while host.sub.poll(timeout_ms):
                result = host.result()
                if result["session"] == "good":
                    answered[result["seq"]] = (time.monotonic() - asked[result["seq"]], result["text"])
                else:
                    refusals.add(result["error_type"])

        while (elapsed := time.monotonic() - start) < seconds:
            for k in range(sent, int(RATE * elapsed)):
                flooder.push.send_multipart(garbage[k % RATE])
                sent += 1
            if elapsed >= len(asked) + 0.5:
                asked[len(asked)] = time.monotonic()
                host.send(GOOD, seq=len(asked) - 1, session="good")
            listen(1)
            memory.look()
        rate = sent / (time.monotonic() - start)
        while len(answered) < len(asked) and time.monotonic() < start + seconds + PATIENCE_S:
            listen(100)
    _decode(host)
    right = sum(text == "still here" for _, text in answered.values())
    slowest = max((wait for wait, _ in answered.values()), default=float("inf"))
    return Point(
        "malformed",
        f"random bytes, {rate:,.0f} messages/s for {seconds:g} s",
        f"{', '.join(sorted(refusals))}; {right} of {len(asked)} utterances in between decoded in "
        f"{slowest:.2f} s at most; {memory.growth:+.1f} MB",
        f"bad_message, all decoded, <= {GROWTH_MB:g} MB more",
        refusals == {"bad_message"}
        and right == len(asked)
        and rate > least
        and memory.growth <= GROWTH_MB
        and process.poll() is None,
    )


def _warm_up(host: Host) -> None:
    """The longest utterance that is allowed: what it takes, the allocator keeps, and what follows can be measured."""
    host.send(LONGEST, seq=0)
    assert host.result(START_S)["error"] is None
    _decode(host)


def _decode(host: Host) -> None:
    """An utterance comes through, whatever else is reported before."""
    host.send(GOOD, seq=1, session="after")
    while (result := host.result(PATIENCE_S))["session"] != "after":
        pass
    assert result["text"] == "still here", result


class Memory:
    """Resident memory of a process in MB: when first looked at, and how much it grew at most since then."""

    def __init__(self, pid: int) -> None:
        self._file = Path(f"/proc/{pid}/statm")
        self.before, self.growth = self._now(), 0.0

    def _now(self) -> float:
        return int(self._file.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def look(self) -> None:
        self.growth = max(self.growth, self._now() - self.before)


TESTS = (restart, malformed)
