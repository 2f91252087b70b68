"""The runtime needs no torch: neither installed, nor imported by anything it does."""

import json
import subprocess
import sys
from pathlib import Path

import soundfile

import gr_deepsc

ROOT = Path(gr_deepsc.__file__).parent.parent

# Run in a fresh interpreter where torch cannot be imported: all modules of the runtime, then a simulation.
SCRIPT = """
import importlib, pkgutil, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "onnxscript", "deepsc_export"):
            raise ImportError(f"{name} must not be imported at run time")

sys.meta_path.insert(0, Blocker())
import gr_deepsc, deepsc_host
for package in (gr_deepsc, deepsc_host):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
from deepsc_host.cli import main
status = main(["simulate", "--model", sys.argv[1], "--json", "--channel", "rayleigh", sys.argv[2]])
assert not {"torch", "onnx"} & set(sys.modules), "torch or onnx came in"
sys.exit(status)
"""


def test_no_torch_is_imported_at_run_time(tmp_path, fixture_model, speak):
    soundfile.write(tmp_path / "hello.wav", speak("hello"), 16000)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, fixture_model, tmp_path / "hello.wav"],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["text"] == "hello"


def test_no_source_of_the_runtime_names_torch():
    for folder in ("gr_deepsc", "host", "grc_flowgraphs"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".grc", ".yml"):
                assert "import torch" not in path.read_text(encoding="utf-8"), path
