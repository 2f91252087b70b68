"""Flowgraphs with a window, compiled and run on Qt's offscreen screen; and the same receivers without one."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from deepsc_host.graph.running import has_display
from grcc import BLOCKS, GRAPHS, ROOT
from host_process import deepsc
from hosts import Host, free_addresses

from gr_deepsc.chain import Transmitter
from gr_deepsc.codec.encode import Encoder
from gr_deepsc.link.spectrum import BINS
from gr_deepsc.phy.framer import Framer
from gr_deepsc.radio import iqfile

pytest_plugins = ["soapy"]

WATCH = Path(__file__).parent / "window_watch.py"
TEXT = "seen in a window"
# `deepsc flowgraph run` of what is compiled already
RUN = """
import sys
from pathlib import Path
from deepsc_host import cli
from deepsc_host.commands import flowgraph
flowgraph.compile_flowgraph = lambda *_: Path(sys.argv[1])
sys.exit(cli.main(["flowgraph", "run", Path(sys.argv[1]).stem, "--no-gui", "--", *sys.argv[2:]]))
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, fixture_model, speak) -> Path:
    """A SigMF recording of one burst at 200 ksample/s, without noise."""
    path = tmp_path_factory.mktemp("recorded") / "burst"
    with iqfile.IqWriter(path, 200e3) as writer:
        sent = Transmitter(Encoder(fixture_model, "paper"), Framer(silence=20_000))(speak(TEXT), 7, 0)
        for burst in sent.bursts:
            writer.write(burst)
    return path


def watched(folder: Path, name: str, parameters: dict, *beside: str, count: int = 1) -> dict:
    """What tests/window_watch.py saw."""
    command = [sys.executable, WATCH, folder, name, str(count), json.dumps(parameters), "", *beside]
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_burst_is_seen(compiled, fixture_model, recorded):
    """iq_rx: text in the list, lamp, SNR; in the waterfall it is as wide as sent, 1.25 times its symbol rate."""
    addresses = {"model": str(fixture_model), "result_address": free_addresses(1)[0]}
    seen = watched(compiled / "windows", "iq_rx", addresses | {"file": str(recorded)})
    assert seen["texts"] == [TEXT] and seen["state"] == "received" and seen["snr"] != "–"
    assert seen["hidden"] == 0  # nothing below the fold
    strongest = np.array(seen["strongest"])
    offsets = (np.arange(BINS) / BINS - 0.5) * 200e3
    inside, outside = strongest[abs(offsets) < 24e3], strongest[abs(offsets) > 34e3]
    assert inside.min() > outside.max() + 20


def test_a_usrp_is_watched(uhd_loopback, compiled, fixture_model, speak):
    """usrp_rx with its window hears usrp_tx over the software radio."""
    audio, failures, results = free_addresses(3)
    common = {"model": str(fixture_model), "device": "type=soapy,driver=loopback"}
    tx = common | {"audio_address": audio, "result_address": failures, "i_may_transmit": "yes"}
    rx = common | {"result_address": results}
    with ThreadPoolExecutor() as beside, Host(audio, failures) as host:
        seeing = beside.submit(watched, compiled / "windows", "usrp_rx", rx, str(compiled), "usrp_tx", json.dumps(tx))
        host.settle()
        host.send(speak(TEXT), seq=0, user_id=5)
        seen = seeing.result()
    assert seen["texts"] == [TEXT] and seen["state"] == "received"


def test_a_sample_is_sent_by_a_button(compiled):
    """sim_gui by itself: no second terminal. By the default model, as samples are speech."""
    audio, results = free_addresses(2)
    seen = watched(compiled, "sim_gui", {"audio_address": audio, "result_address": results})
    assert seen["texts"] == ["The new jail fell as far short of the demands made on it as did the old."]
    assert seen["hidden"] == 0


def test_without_a_window(fixture_model, recorded):
    """No Qt in the process; what it is doing is told, and where; with --verbose the text."""
    address = free_addresses(1)[0]
    rest = ["--", "--model", fixture_model, "--file", recorded, "--result-address", address]
    script = (
        "import sys; from deepsc_host.cli import main; status = main(sys.argv[1:]); assert 'PyQt5' not in sys.modules"
    )
    command = [sys.executable, "-c", script, "flowgraph", "run", "iq_rx", "--no-gui", "--verbose", *map(str, rest)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"ready: results {address}" in done.stderr and f"{TEXT}  [user 7" in done.stdout


def test_without_a_display(monkeypatch):
    """None is named, or one is where nobody answers: then a receiver does without its window, and says so."""
    for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not has_display()
    monkeypatch.setenv("DISPLAY", ":987")
    assert not has_display()
    done = deepsc("flowgraph", "run", "iq_rx", "--", "--file", "/nowhere", "--result-address", free_addresses(1)[0])
    assert done.returncode == 2 and "there is no display" in done.stderr and "/nowhere" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "advice"),
    [("usrp_rx", "no USRP found"), ("hackrf_rx", "soapysdr-module-hackrf"), ("sim_listen", "no sound card")],
)
def test_a_device_that_is_missing(name, advice, compiled, tmp_path):
    """One line that says what to do, status 2, no traceback, and nothing of ALSA."""
    (tmp_path / "asound").write_text("")  # a system without sound cards
    rest = ["--result-address", free_addresses(1)[0]]
    rest += ["--audio-address", free_addresses(1)[0]] if name == "sim_listen" else []
    command = [sys.executable, "-c", RUN, compiled / f"{name}.py", *rest]
    environment = os.environ | {"ALSA_CONFIG_PATH": str(tmp_path / "asound"), "SOAPY_SDR_PLUGIN_PATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and advice in done.stderr


def test_no_two_blocks_overlap():
    """As GNU Radio Companion draws them, and it has nothing to complain about."""
    if not shutil.which("xvfb-run"):
        pytest.skip("apt-get install xvfb xauth")
    command = ["xvfb-run", "-a", sys.executable, ROOT / "docs" / "draw_canvas.py", *GRAPHS]
    environment = os.environ | {"GRC_BLOCKS_PATH": str(BLOCKS)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(told) == len(GRAPHS), done.stderr
    assert [each for each in told if each["overlaps"] or each["errors"]] == []
