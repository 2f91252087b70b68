"""ONNX files are opened in one place, and whoever runs this package is not reported to anybody."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("gr_deepsc", "host", "export", "bench", "grc_flowgraphs")
ONE_PLACE = ROOT / "gr_deepsc" / "session.py"
LOAD = "from gr_deepsc.codec.framewise import FramewiseDecoder; FramewiseDecoder('default')"
# Tells how the variable stands when something first asks for ONNX Runtime.
WATCHED = """
import os, sys

class Watch:
    def find_spec(self, name, *_):
        if name == "onnxruntime":
            print(os.environ.get("ORT_DISABLE_TELEMETRY"))
            sys.meta_path.remove(self)

os.environ.pop("ORT_DISABLE_TELEMETRY", None)
sys.meta_path.insert(0, Watch())
import gr_deepsc.session
"""
SAY = ("-m", "deepsc_host", "say", "hello", "--out", "hello.wav")


def at_home(home: Path, *arguments: str) -> list[Path]:
    """What a Python process leaves below its home folder."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("ORT_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=home.parent,
        env=inherited | {"HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return [path for path in home.rglob("*") if path.is_file()]


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize("arguments", [("-c", LOAD), SAY], ids=["load", "say"])
def test_nothing_is_written_about_the_user(home, arguments):
    """ONNX Runtime alone may leave a device id and events to be sent in ~/.cache/Microsoft."""
    assert not at_home(home, *arguments)


def test_telemetry_is_off_before_onnx_runtime_is_imported(home):
    """It reads the variable when it is imported, and not everywhere does it write what is looked for above."""
    done = subprocess.run([sys.executable, "-c", WATCHED], cwd=home, capture_output=True, text=True, timeout=90)
    assert done.stdout == "1\n", done.stderr


def imported(path: Path) -> set[str]:
    """Full names of what a source file imports, wherever in it."""
    package, names = path.relative_to(ROOT).parent.parts, set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def test_only_one_file_imports_onnx_runtime():
    """Whatever opens models goes through it. Export may quantise, for its package begins by importing that file."""
    assert "gr_deepsc.session" in imported(ROOT / "export" / "__init__.py")
    importers = {}
    for path in (path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        if names := {name for name in imported(path) if name.partition(".")[0] == "onnxruntime"}:
            importers[path] = names
    assert importers.pop(ONE_PLACE)
    for path, names in importers.items():
        assert path.is_relative_to(ROOT / "export"), path
        assert all(name.startswith("onnxruntime.quantization.") for name in names), path
