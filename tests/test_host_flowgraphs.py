"""`deepsc flowgraph`: the shipped ones compile without a warning, others fail for what is wrong."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from deepsc_host.graph import programs as flowgraphs
from host_process import deepsc, deepsc_here

UNKNOWN_BLOCK = """- name: stranger
  id: deepsc_no_such_block
  parameters: {}
  states: {coordinate: [8, 400], rotation: 0, state: enabled}

connections:"""
SEMANTIC = ("SemanticEncoder", "SemanticDecoder", "SpeechSynthesizer")
MODEM = ("DeepscTransmitter", "DeepscReceiver", "SpeechSynthesizer")
NAMES = dict.fromkeys(["sim_awgn", "sim_fading", "sim_listen", "sim_gui"], SEMANTIC)
NAMES |= dict.fromkeys(["modem_sim", "modem_fading", "modem_selective"], MODEM)
NAMES |= {"audio_tx": MODEM[:1], "audio_rx": MODEM[1:]}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where compiled flowgraphs go: nothing is there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_list_names_the_shipped_flowgraphs():
    done = deepsc_here("flowgraph", "list")
    assert done.returncode == 0
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert set(NAMES) <= set(lines)
    assert all(lines.values())  # each has a title


# test_flowgraphs compiles all of them; the command does the same with each.
SOME = [name if name in ("sim_gui", "modem_sim") else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]


@pytest.mark.parametrize("name", SOME)
def test_compile_goes_to_the_cache_once(name, cache):
    before = {path: path.stat().st_mtime_ns for path in flowgraphs.shipped()[name].parent.iterdir()}
    done = deepsc_here("flowgraph", "compile", name)
    assert done.returncode == 0, done.stderr
    program = done.stdout.strip()
    assert program.startswith(str(cache))
    written = os.stat(program).st_mtime_ns
    source = Path(program).read_text()
    for block in NAMES[name]:
        assert re.search(rf"\b{block}\(", source), f"{block} is not in the generated program"
    assert deepsc_here("flowgraph", "compile", name).stdout.strip() == program
    assert os.stat(program).st_mtime_ns == written
    assert {path: path.stat().st_mtime_ns for path in flowgraphs.shipped()[name].parent.iterdir()} == before


def test_a_flowgraph_tells_its_options():
    done = deepsc("flowgraph", "run", "sim_fading", "--", "--help")
    assert done.returncode == 0, done.stderr
    for option in ("--model", "--rate", "--channel", "--es-n0-db", "--seed", "--audio-address", "--result-address"):
        assert option in done.stdout


def test_an_unknown_block_fails_though_grcc_is_content(tmp_path, cache):
    """grcc leaves it out, says nothing and exits 0."""
    source = flowgraphs.shipped()["sim_awgn"].read_text()
    broken = tmp_path / "broken.grc"
    broken.write_text(source.replace("\nconnections:", UNKNOWN_BLOCK))
    assert broken.read_text() != source
    done = deepsc_here("flowgraph", "compile", broken)
    assert done.returncode == 2
    assert "broken.grc does not compile" in done.stderr.splitlines()[-1]
    assert "stranger (deepsc_no_such_block)" in done.stderr
    assert not list(cache.rglob("*.py"))
    plain = subprocess.run(
        [sys.executable, flowgraphs.tool("grcc"), "-o", tmp_path, broken],
        env=flowgraphs.environment(),
        capture_output=True,
    )
    assert plain.returncode == 0


@pytest.mark.parametrize(("content", "name"), [("no: [yaml", "a.grc"), ("", "b.grc"), (None, "c.grc"), (None, "c")])
def test_what_is_no_flowgraph(content, name, tmp_path, cache):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    done = deepsc_here("flowgraph", "compile", path if path.suffix else name)
    assert done.returncode == 2
    assert name in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("deepsc: ")


def test_open_without_a_desktop_says_so(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = deepsc_here("flowgraph", "open", "sim_gui")
    assert done.returncode == 2
    assert "there is no display" in done.stderr


def test_the_blocks_path_comes_first(monkeypatch):
    monkeypatch.setenv("GRC_BLOCKS_PATH", "/elsewhere")
    assert flowgraphs.environment()["GRC_BLOCKS_PATH"] == f"{flowgraphs.BLOCKS}:/elsewhere"
    monkeypatch.delenv("GRC_BLOCKS_PATH")
    assert flowgraphs.environment()["GRC_BLOCKS_PATH"] == str(flowgraphs.BLOCKS)
