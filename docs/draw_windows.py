"""Draws the windows of flowgraphs, fed with recordings of the shipped samples, for README.md and docs/radio.md.

Needs Xvfb: xvfb-run -a .venv/bin/python docs/draw_windows.py
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from deepsc_host.graph.programs import compile_flowgraph, shipped

DOCS = Path(__file__).resolve().parent
SAMPLES = sorted(DOCS.parent.glob("tests/samples/*.flac"))
DEEPSC = [sys.executable, "-m", "deepsc_host"]
RECORDINGS = {
    "air.sigmf-meta": ["--channel", "awgn", "--snr", "12", "--cfo-hz", "800"],
    "air.wav": ["--channel", "rician", "--snr", "9", "--user-id", "1"],
}
WINDOWS = {  # picture: flowgraph, texts to wait for, parameter with a recording
    "iq_rx_running": ("iq_rx", 2, {"file": "air"}),
    "audio_rx_running": ("audio_rx", 2, {"wav_file": "air.wav"}),
    "sim_gui_running": ("sim_gui", 1, {"audio_address": "tcp://127.0.0.1:5655"}),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, path in RECORDINGS.items():
            subprocess.run([*DEEPSC, "record", *SAMPLES, "--gap", "1", "--out", name, *path], cwd=folder, check=True)
        for picture, (name, count, parameters) in WINDOWS.items():
            program = compile_flowgraph(shipped()[name])
            told = json.dumps(parameters | {"result_address": "tcp://127.0.0.1:5656"})
            watch = [sys.executable, DOCS.parent / "tests" / "window_watch.py", program.parent, name, str(count), told]
            environment = os.environ | {"XDG_CONFIG_HOME": folder}  # no window's size of an earlier time
            subprocess.run([*watch, DOCS / f"{picture}.png"], cwd=folder, check=True, env=environment)


if __name__ == "__main__":
    main()
