"""`deepsc flowgraph install`: plain GRC finds the blocks, what it makes runs, and it can be taken out again."""

import os
import subprocess

import pytest
from deepsc_host.graph.companion import _write_paths
from grcc import GRAPHS, ROOT
from host_process import deepsc_here

PYTHON = "/usr/bin/python3"  # of gnuradio-companion
ASK = """
from gnuradio import gr
from gnuradio.grc.core.platform import Platform
platform = Platform(name="GRC", prefs=gr.prefs(), version=gr.version(), version_parts=(3, 10, 0))
platform.build_library()
print(sum(name.startswith("deepsc_") for name in platform.blocks))
"""
OTHERS = """# mine
[grc]
local_blocks_path = /opt/blocks
canvas_font_size = 9

[audio_alsa]
verbose = true
"""
BLOCKS = len(list((ROOT / "gr_deepsc" / "grc").glob("*.yml")))


@pytest.fixture
def home(tmp_path):
    """An environment with an empty home, in which no folder of blocks is named."""
    named = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return {key: value for key, value in os.environ.items() if key not in ("GRC_BLOCKS_PATH", "PYTHONPATH")} | named


def plain(home: dict, *arguments: object) -> subprocess.CompletedProcess:
    """Run by the distribution's Python, which knows nothing of our environment."""
    return subprocess.run([PYTHON, *map(str, arguments)], env=home, capture_output=True, text=True, timeout=90)


def count(home: dict) -> int:
    """gr-deepsc's blocks in GRC's library, asked in a fresh process."""
    return int(plain(home, "-c", ASK).stdout.splitlines()[-1])


def change(home: dict, action: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, home[name])
        done = deepsc_here("flowgraph", action)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_found_and_run_and_taken_out_again(home, tmp_path):
    """A flowgraph that plain grcc made starts by plain Python, in our environment; all else in the file stays."""
    config = tmp_path / ".gnuradio" / "config.conf"
    config.parent.mkdir()
    config.write_text(OTHERS)
    assert str(config) in change(home, "install")
    assert config.read_text() == OTHERS.replace("/opt/blocks", f"/opt/blocks:{ROOT}/gr_deepsc/grc")
    assert count(home) == BLOCKS
    assert change(home, "install") == "nothing to do\n"
    graph = next(path for path in GRAPHS if path.stem == "sim_awgn")
    made = plain(home, "/usr/bin/grcc", "-o", tmp_path, graph)
    assert "error" not in made.stdout.lower()
    assert "--es-n0-db" in plain(home, tmp_path / "sim_awgn.py", "--help").stdout
    assert plain(home, "-c", "import sys; print(sys.prefix)").stdout == "/usr\n"
    change(home, "uninstall")
    assert config.read_text() == OTHERS
    assert count(home) == 0
    assert change(home, "uninstall") == "nothing to do\n"
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("gr_deepsc")]


@pytest.mark.parametrize("before", ["", "# mine\n", "[audio]\nx = 1\n"])
def test_where_nothing_was(tmp_path, before):
    """The section is made, and goes with the line."""
    config = tmp_path / "config.conf"
    config.write_text(before)
    _write_paths(config, ["/opt/a", "/opt/b"])
    assert config.read_text() == before + "[grc]\nlocal_blocks_path = /opt/a:/opt/b\n"
    _write_paths(config, [])
    assert (config.read_text() if config.exists() else "") == before
