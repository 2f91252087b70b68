"""GNU Radio's compiler of flowgraphs, as the tests call it: all of them in one go, for it takes a second to start."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
GRAPHS = sorted((ROOT / "grc_flowgraphs").glob("*.grc"))
BLOCKS = ROOT / "gr_deepsc" / "grc"

NOT_OURS = (
    # gnuradio.qtgui says this of two widgets of its own wherever python3-matplotlib is not installed.
    "Matplotlib is a required dependency to use DistanceRadar and AzElPlot",
    # GNU Radio 3.10.12 prefers throttle2, which 3.10.5 does not have; it runs the old one all the same.
    "The block 'throttle' is deprecated.",
)


def grcc(folder: Path, *paths: Path) -> dict[str, str]:
    """Compile flowgraphs into `folder`; what grcc says of each, by its stem. Behind one that fails there are no more.

    Its exit status says nothing: it is 0 where a block is unknown and nothing else depends on it. The interpreter is
    ours, because GRC computes what it can of a flowgraph and needs this package for it.
    """
    environment = os.environ | {"GRC_BLOCKS_PATH": str(BLOCKS), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, shutil.which("grcc"), "-o", folder, *paths],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    said = "\n".join(line for line in done.stdout.splitlines() if not any(each in line for each in NOT_OURS))
    of_all, *of_each = re.split(r"^(?=>>> Loading: )", said, flags=re.MULTILINE)
    return {path.stem: of_all + one for path, one in zip(paths, of_each, strict=False)}
