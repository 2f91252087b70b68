"""What several tests share: analytic models with a voice, compiled flowgraphs; and that tests leave nothing behind."""

import fcntl
import io
import json
import os
import sys

import fixture_models
import pytest
import soundfile
from browser import chromium
from deepsc_host.graph.programs import has_window, without_window
from grcc import GRAPHS, grcc

# For torch, which reads it when it is imported: on networks as small as ours two threads take twice the processor time.
os.environ.setdefault("MKL_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def data_home(tmp_path_factory):
    """Whoever runs the tests may have registered a voice: it is none of their business."""
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def environment():
    """What a test sets in os.environ, or a library for it (dask's workers do), ends with the test.

    What torch draws at random where a test gives no seed is the same whatever was drawn before it.
    """
    before = dict(os.environ)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def fixture_model(tmp_path_factory):
    """Folder with transmitter.onnx and receiver.onnx of the analytic fixture."""
    return fixture_models.write(tmp_path_factory.mktemp("fixture_model"))


@pytest.fixture(scope="session")
def _compiled(tmp_path_factory):
    """Receivers with their window and, as --no-gui leaves them, without; sim_gui with it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # once for all workers
    folder, copies, said = base / "compiled", base / "without_window", base / "said.json"
    with (base / "compiled.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            (folder / "windows").mkdir(parents=True)
            copies.mkdir()
            receivers = [path for path in GRAPHS if has_window(path) and path.stem != "sim_gui"]
            headless = [without_window(path, copies) if path in receivers else path for path in GRAPHS]
            said.write_text(json.dumps(grcc(folder, *headless) | grcc(folder / "windows", *receivers)))
    return folder, json.loads(said.read_text())


@pytest.fixture(scope="session")
def compiled(_compiled):
    """Folder of the shipped flowgraphs' Python programs, receivers without their window; windows/ has those with it."""
    return _compiled[0]


@pytest.fixture(scope="session")
def said_of(_compiled):
    """What grcc said of each of them, by name."""
    return _compiled[1]


@pytest.fixture(scope="session")
def speak():
    """speak(text) -> float32 waveform at 16 kHz that the fixture recognises as that text."""
    return fixture_models.speak


@pytest.fixture(scope="session")
def hello(speak) -> bytes:
    """A recording that the fixture reads as "hello there"."""
    file = io.BytesIO()
    soundfile.write(file, speak("hello there"), 16_000, format="WAV")
    return file.getvalue()


@pytest.fixture(scope="module")  # while it is there no other event loop can run in this process
def browser(tmp_path_factory):
    """Chromium; its microphone hears LJ002-0045."""
    with chromium(tmp_path_factory.mktemp("microphone")) as browser:
        yield browser
