"""Shells that give little: no home, few files, little memory, ASCII; and Ctrl-C at any time."""

import json
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
import soundfile
from host_process import COMMAND, deepsc, deepsc_here


@pytest.fixture(scope="module")
def simulate(tmp_path_factory, speak, fixture_model):
    """`deepsc simulate` of a recording, without trained models."""
    path = tmp_path_factory.mktemp("speech") / "naïve.wav"
    soundfile.write(path, speak("hello world"), 16000, subtype="FLOAT")
    return "simulate", "--model", fixture_model, "--rate", "paper", path


@pytest.mark.parametrize("home", ["/proc/nohome", ""])
def test_field_a_home_that_cannot_be_written(simulate, home):
    """GNU Radio makes a folder there and raises where it cannot."""
    done = deepsc(*simulate, "--through-gnuradio", HOME=home)
    assert done.returncode == 0 and "hello world" in done.stdout, done.stderr


def test_field_doctor_tells_of_the_home():
    done = deepsc("doctor", "--json", HOME="/proc/nohome")
    [home] = [each for each in map(json.loads, done.stdout.splitlines()) if each["name"] == "home"]
    assert home["status"] == "warn" and "/proc/nohome" in home["detail"] and "HOME" in home["mend"]


def test_field_ascii_output(simulate):
    """A name that ASCII has no character for: escaped, in JSON by JSON's own escape."""
    done = deepsc(*simulate, PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert done.returncode == 0 and "na\\xefve.wav" in done.stdout, done.stderr
    done = deepsc(*simulate, "--json", PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert json.loads(done.stdout)["file"] == str(simulate[-1]) and done.stdout.isascii()


@pytest.mark.parametrize(
    ("limit", "allowed", "words"),
    [(resource.RLIMIT_NOFILE, 16, "allows 16 open files"), (resource.RLIMIT_AS, 1 << 30, "allows 1024 MiB of memory")],
)
def test_field_limits_of_the_shell(simulate, limit, allowed, words):
    """What needs GNU Radio says so at once: it hung, or aborted. What does not, works."""

    def run(*arguments):
        def set_limit():
            resource.setrlimit(limit, (allowed, allowed))

        command = [*COMMAND, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=set_limit)

    done = run("flowgraph", "run", "sim_fading")
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1
    done = run(*simulate)
    assert done.returncode == 0 and "hello world" in done.stdout, done.stderr


@pytest.mark.parametrize("after", [0.0, 0.3, 1.0])
def test_field_ctrl_c_has_one_status_and_no_traceback(simulate, after):
    """While modules are loaded as well as later."""
    command = [*COMMAND, *map(str, simulate), *map(str, [simulate[-1]] * 500)]
    preexec = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=preexec) as process:
        deadline = time.monotonic() + 5
        while not _handled(process.pid) and time.monotonic() < deadline:  # Python itself is still starting
            time.sleep(0.005)
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and b"Traceback" not in err


def _handled(pid: int) -> bool:
    """Whether our files are being loaded: host/environment.py is among the first, and needs this part of Python."""
    return "/resource." in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize(
    "arguments",
    [["simulate"], ["simulate", "--snr", "loud", "a.wav"], ["frobnicate"], ["play", "--bo\x1b[31mgus", "a"]],
)
def test_field_an_error_in_an_option_is_one_line(arguments):
    done = deepsc_here(*arguments)
    [line] = done.stderr.splitlines()
    assert done.returncode == 2 and line.endswith("--help`") and "\x1b" not in line
