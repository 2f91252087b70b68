"""What a result follows from, and where it was made."""

import hashlib
import os
import platform
import subprocess
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import gr_deepsc
from gr_deepsc.sums import digest

HERE = Path(__file__).parent
_CHAIN = Path(gr_deepsc.__file__).parent
_READ = (".py", ".npz", ".csv", ".json")  # of the systems: code and what it reads
_PACKAGES = ("gr-deepsc", "numpy", "scipy", "onnxruntime", "jiwer", "dask", "faster-whisper", "torch")


def network_files() -> dict[str, Path]:
    """Every network that a system may use, by its folder's and its own name."""
    files = sorted([*_CHAIN.rglob("*.onnx"), *HERE.rglob("*.onnx")])
    return {f"{path.parent.name}/{path.stem}": path for path in files}


@lru_cache(1)
def models() -> dict[str, str]:
    """SHA-256 of those files."""
    return {name: digest(path) for name, path in network_files().items()}


@lru_cache(1)
def chain() -> str:
    """Names what an item's figures follow from: all networks, and the code from the speech to the figures.

    Code that only collects, tabulates and draws them is not in it.
    """
    code = [path for path in _CHAIN.rglob("*.py") if path.parent.name != "blocks"]
    parts = [path for name in ("systems", "coding", "metrics") for path in (HERE / name).rglob("*.*")]
    code += [path for path in parts if path.suffix in _READ]
    code += [HERE / name for name in ("system.py", "references.py", "work.py")]
    found = hashlib.sha256("\n".join(f"{name} {each}" for name, each in models().items()).encode())
    for path in sorted(code):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def describe() -> dict:
    """The machine, the command, the revision, the networks and the packages, ready to be written as JSON."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "command": " ".join(["deepsc", *sys.argv[1:]]),
        "revision": _revision(),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "system": platform.platform()},
        "python": platform.python_version(),
        "packages": versions,
        "chain": chain(),
        "models": models(),
    }


def _revision() -> str | None:
    """The checkout's commit, `-dirty` behind it if files differ from it; None for an installed package."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
