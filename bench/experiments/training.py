"""What the experiments that train share: speech of a split, and a training program in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from ..errors import BenchError
from .experiment import Setting


def check(setting: Setting) -> None:
    """Refuse what cannot be trained here.

    Raises:
        BenchError: there are no corpora, or no torch.
    """
    if not setting.corpora:
        raise BenchError("this experiment trains: name folders of corpora by --corpus (docs/bench.md)")
    if find_spec("torch") is None:
        raise BenchError("this experiment trains: install torch with pip install '.[train]'")


def program(name: str, *options: object) -> None:
    """Run `python -m deepsc_export paper NAME OPTIONS` on one thread, or on the GPU if there is one.

    Raises:
        BenchError: it failed; with the last line that it said.
    """
    command: Sequence[str] = [sys.executable, "-m", "deepsc_export", "paper", name, *map(str, options)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise BenchError(f"deepsc_export paper {name}: {said[-1]}")
