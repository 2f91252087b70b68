"""The shipped flowgraphs: they compile without a warning, and the compiled ones carry speech to text."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from graph import wait_until
from grcc import BLOCKS, GRAPHS, ROOT, grcc
from host_process import deepsc_here
from hosts import Host, free_addresses

NOT_IN_PROGRAM = {"note", "import"}
HEADLESS = ["sim_awgn", "sim_fading"]


@contextmanager
def process(folder: Path, name: str, *arguments: str, script: str = ""):
    """The compiled flowgraph in a process of its own, or `script`; it has to end at SIGTERM with status 0."""
    command = [sys.executable, "-c", script] if script else [sys.executable, f"{name}.py"]
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(folder)}
    with subprocess.Popen([*command, *arguments], cwd=folder, env=environment) as running:
        try:
            yield running
            running.send_signal(signal.SIGTERM)
            assert running.wait(timeout=10) == 0
        finally:
            running.kill()


def test_they_are_shipped():
    """An empty list would pass every other test here."""
    modem = {"modem_sim", "modem_fading", "modem_selective", "audio_tx", "audio_rx"}
    assert {"sim_awgn", "sim_fading", "sim_gui"} | modem <= {path.stem for path in GRAPHS}


@pytest.mark.parametrize("name", [path.stem for path in GRAPHS])
def test_compiles(compiled, said_of, name):
    """Neither error nor warning, and every enabled block is in the program."""
    said = said_of[name].lower()
    assert not [word for word in ("error", "traceback", "warn") if word in said], said
    shown = compiled / "windows" / f"{name}.py"
    program = (shown if shown.exists() else compiled / f"{name}.py").read_text()
    graph = yaml.safe_load((ROOT / "grc_flowgraphs" / f"{name}.grc").read_text())
    enabled = {block["name"]: block for block in graph["blocks"] if block["states"]["state"] == "enabled"}
    expected = [name for name, block in enabled.items() if block["id"] not in NOT_IN_PROGRAM]
    assert not [name for name in expected if f"self.{name} = " not in program]
    wires = [wire for wire in graph["connections"] if wire[0] in enabled and wire[2] in enabled]
    assert program.count("connect((") == len(wires)


@pytest.mark.parametrize("name", [path.stem for path in GRAPHS])
def test_keys_reach_every_link(compiled, name):
    """One parameter, empty unless given, so that nobody edits a flowgraph to reach it from another machine."""
    program = (compiled / f"{name}.py").read_text()
    keyed = len(re.findall(r"Link\((?:.*, )?\w+_address, curve_key\)", program))
    assert keyed == program.count("Link(") > 0
    assert '"--curve-key", dest="curve_key", type=str, default=\'\'' in program


def test_grcc_output_is_looked_at(tmp_path):
    """The same check fails where a block is unknown."""
    graph = (ROOT / "grc_flowgraphs" / "sim_awgn.grc").read_text()
    broken = tmp_path / "broken.grc"
    broken.write_text(graph.replace("deepsc_semantic_encoder", "deepsc_no_such_block"))
    assert "error" in grcc(tmp_path, broken)["broken"].lower()


@pytest.mark.parametrize("path", sorted(BLOCKS.glob("*.block.yml")), ids=lambda path: path.stem)
def test_block_descriptions(path):
    """What a person opening GRC needs: the category, a documentation with ports and parameters, checks."""
    block = yaml.safe_load(path.read_text())
    assert path.name == f"{block['id']}.block.yml" and block["category"] == "[DeepSC]"
    assert block["file_format"] == 1 and ("parameters" not in block or block["asserts"])
    sections = [
        s for s, key in (("Input", "inputs"), ("Output", "outputs"), ("Parameters", "parameters")) if key in block
    ]
    assert all(f"\n{section}\n" in block["documentation"] for section in sections)


@pytest.mark.parametrize("name", HEADLESS)
def test_headless(compiled, fixture_model, speak, name):
    """Speech from one process through the flowgraph in another and back as text, over real sockets."""
    addresses = free_addresses(2)
    arguments = ["--model", str(fixture_model), "--es-n0-db", "30", "--seed", "1"]
    arguments += ["--audio-address", addresses[0], "--result-address", addresses[1]]
    with process(compiled, name, *arguments), Host(*addresses) as host:
        host.settle()
        for seq, text in enumerate(("a sentence spoken", "and another")):
            host.send(speak(text), seq=seq, user_id=5)
            result = host.result()
            assert (result["text"], result["seq"], result["user_id"], result["lost"]) == (text, seq, 5, False)
        assert result["channel"] == {"sim_awgn": "awgn", "sim_fading": "rayleigh"}[name]
        assert result["es_n0_db_set"] == 30.0


@pytest.mark.parametrize("kind", ["rayleigh", "rician", "none"])
def test_channel_on_the_command_line(compiled, fixture_model, speak, kind):
    """One flowgraph serves every channel."""
    addresses = free_addresses(2)
    arguments = ["--model", str(fixture_model), "-c", kind, "-e", "30"]
    arguments += ["--audio-address", addresses[0], "--result-address", addresses[1]]
    with process(compiled, "sim_awgn", *arguments), Host(*addresses) as host:
        host.settle()
        host.send(speak("which channel"), seq=0)
        result = host.result()
        assert (result["text"], result["channel"]) == ("which channel", kind)


@pytest.mark.parametrize(
    "name, options",
    [
        ("modem_sim", ["-e", "9", "--cfo-hz", "1500", "--clock-ppm", "50"]),
        ("modem_fading", ["-e", "20", "--doppler-hz", "4"]),
        ("modem_selective", ["-e", "20", "--doppler-hz", "4"]),
    ],
)
def test_modem(compiled, fixture_model, tmp_path, speak, name, options):
    """`deepsc send --wait` gets its text over the air, where there is room for neither session nor whole seq."""
    addresses = free_addresses(2)
    texts = ["a sentence spoken", "and another one that is a little longer"]
    files = [tmp_path / f"{k}.wav" for k in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        soundfile.write(file, speak(text), 16_000)
    links = ["--audio-address", addresses[0], "--result-address", addresses[1]]
    with process(compiled, name, "--model", str(fixture_model), *links, *options):
        asked = ["--address", addresses[0], "--result-address", addresses[1], "--timeout", "30"]
        done = deepsc_here("send", "--wait", "--json", "--user-id", "12", *asked, *files)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(result["text"], result["seq"], result["user_id"]) for result in results] == [
        (text, seq, 12) for seq, text in enumerate(texts)
    ]
    assert len({result["session"] for result in results}) == 1 and results[0]["session"]
    if name == "modem_sim":
        assert results[1]["es_n0_db"] == pytest.approx(9, abs=0.5)
        assert results[1]["cfo_hz"] == pytest.approx(1500, abs=2)
        assert results[1]["symbol_rate"] == 50_000


def recorded(wav: Path) -> bool:
    """There is a burst in the file that is being written, and half a second of silence behind it."""
    written = wav.read_bytes()[44:]  # behind the header; 96,000 bytes a second
    return any(written) and not any(written[-48_000:])


def test_audio_band(compiled, fixture_model, tmp_path, speak):
    """Text in, text out through a wav file that an SSB transceiver could send: 1.5 kHz wide about 1500 Hz."""
    addresses, wav, model = free_addresses(2), tmp_path / "air.wav", str(fixture_model)
    links = ["--audio-address", addresses[0], "--result-address", addresses[1]]
    with process(compiled, "audio_tx", "--model", model, "--wav-file", str(wav), *links), Host(*addresses) as host:
        host.settle()
        host.send(speak("over the air"), seq=0, user_id=3)
        wait_until(lambda: recorded(wav))
    samples, rate = soundfile.read(wav)
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    inside = (frequencies >= 700) & (frequencies <= 2300)
    assert rate == 48_000 and np.sum(power[inside]) >= 0.99 * np.sum(power)
    assert 0.1 < np.abs(samples).max() <= 0.99
    with (
        Host(free_addresses(1)[0], addresses[1]) as host,
        process(compiled, "audio_rx", "--model", model, "-f", str(wav), "--result-address", addresses[1]),
    ):
        while not (result := host.result())["text"]:
            print(result)  # a burst that is no burst: what was it?
    burst = np.flatnonzero(samples)[[0, -1]] / rate
    assert (result["error"], result["text"], result["user_id"]) == (None, "over the air", 3), (burst, result)
    assert 0 < np.ptp(burst) - result["air_s"] < 0.02  # the tails of the pulses, 15 symbols: no gap in the file
    assert result["cfo_hz"] == pytest.approx(0, abs=0.5)
    assert result["symbol_rate"] == 1200


# At SIGUSR1 the slider and the chooser of the compiled window move, as if by hand.
MOVE = """
import signal, sys
sys.path.insert(0, "")
import sim_gui

class Moving(sim_gui.sim_gui):
    def show(self):
        super().show()
        signal.signal(signal.SIGUSR1, self.move_controls)

    def move_controls(self, *_):
        self.set_es_n0_db(-15.0)
        self._channel_combo_box.setCurrentText("Rayleigh")

sim_gui.main(Moving)
"""


def test_gui(compiled, fixture_model, speak):
    """The utterance is sent again and again, and the controls act on it while the flowgraph runs."""
    addresses = free_addresses(2)
    arguments = ["--model", str(fixture_model), "--audio-address", addresses[0], "--result-address", addresses[1]]
    window = process(compiled, "sim_gui", *arguments, script=MOVE)
    with window as running, Host(*addresses) as host:
        host.settle()
        host.send(speak("in a window"), seq=3)
        first = host.result()
        assert (first["text"], first["channel"], first["es_n0_db_set"]) == ("in a window", "awgn", 10.0)
        running.send_signal(signal.SIGUSR1)
        while (moved := host.result())["channel"] == "awgn":
            assert moved["text"] == "in a window"
        assert (moved["seq"], moved["channel"], moved["es_n0_db_set"]) == (3, "rayleigh", -15.0)
        assert moved["text"] != "in a window" and moved["confidence"] < first["confidence"]
