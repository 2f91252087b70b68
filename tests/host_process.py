"""The command `deepsc`, in this process or in one of its own as a person runs it, and flowgraphs in processes."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO

import zmq
from deepsc_host.cli import main
from deepsc_host.link.peer import Peer

COMMAND = [sys.executable, "-m", "deepsc_host"]
_cache = tempfile.TemporaryDirectory(prefix="deepsc-tests-")  # of compiled flowgraphs, while the tests run
START_S = 60.0  # of a flowgraph on a busy machine, compilation included


def deepsc(*arguments: object, timeout: float = 90.0, **environment: str) -> subprocess.CompletedProcess:
    """Run `deepsc` to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | {"XDG_CACHE_HOME": _cache.name} | environment,
    )


def deepsc_here(*arguments: object) -> subprocess.CompletedProcess:
    """The same in this process, a second sooner: for what needs no environment, signals or pipes of its own."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as exit:  # argparse: wrong options, --help
            status = exit.code
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def started(*arguments: object, log: IO | None = None, **environment: str) -> Iterator[subprocess.Popen]:
    """A `deepsc` that runs beside the test; killed in the end if it still does. `log` takes its output."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=log or subprocess.PIPE,
        stderr=log or subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": _cache.name} | environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def flowgraph(
    name: str, model: object, audio: str, results: str, *options: str, curve_key: str = "", **environment: str
) -> Iterator[subprocess.Popen]:
    """A shipped flowgraph in a process of its own (`deepsc flowgraph run`), ready to be sent to."""
    parameters = ["--model", str(model), "--audio-address", audio, "--result-address", results, *options]
    parameters += ["--curve-key", curve_key] if curve_key else []
    with (
        tempfile.TemporaryFile("w+") as log,
        started("flowgraph", "run", name, "--", *parameters, log=log, **environment) as process,
    ):
        wait_until_listening(process, audio, results, log, curve_key)
        yield process


def wait_until_listening(process: subprocess.Popen, audio: str, results: str, log: IO, curve_key: str = "") -> None:
    """Wait for both links of a flowgraph, or fail with what it said."""
    context = zmq.Context()
    try:
        for kind, address in (("push", audio), ("sub", results)):
            peer = Peer(context, kind, address, "link", curve_key)
            deadline = time.monotonic() + START_S
            while not peer.update(0.1):
                log.seek(0)
                assert process.poll() is None, log.read()
                assert time.monotonic() < deadline, f"nobody listens at {address} after {START_S} s"
            peer.close()
    finally:
        context.destroy(linger=0)
