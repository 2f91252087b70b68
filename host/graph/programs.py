"""GNU Radio Companion flowgraphs that use gr-deepsc's blocks: found, and compiled to Python.

GRC looks for block descriptions in GRC_BLOCKS_PATH, not in a virtual environment, and its exit status says
nothing about blocks it did not find: both are seen to here.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gr_deepsc

from ..errors import HostError
from .gnuradio import import_gnuradio

BLOCKS = Path(gr_deepsc.__file__).parent / "grc"
COMPLAINTS = re.compile(r"warn:|Error|Traceback")
COMPILE_TIMEOUT = 120  # s
WIDGETS = {"deepsc_signal_view", "deepsc_text_list", "deepsc_speech_panel"}  # beside qtgui_*: of the window only
NOT_IN_PROGRAM = {"note", "import", "snippet", "virtual_sink", "virtual_source"}  # by name, that is


def shipped() -> dict[str, Path]:
    """The shipped flowgraphs by name: the checkout's, or those of the installed deepsc_flowgraphs."""
    folders = [Path(gr_deepsc.__file__).parent.parent / "grc_flowgraphs"]
    if (spec := importlib.util.find_spec("deepsc_flowgraphs")) and spec.submodule_search_locations:
        folders += map(Path, spec.submodule_search_locations)
    for folder in folders:
        if found := sorted(folder.glob("*.grc")):
            return {path.stem: path for path in found}
    return {}


def locate(name: str) -> Path:
    """The .grc file of a shipped flowgraph's name, or of a path.

    Raises:
        HostError: there is none; says which there are.
    """
    path = Path(name)
    if path.suffix == ".grc":
        if not path.is_file():
            raise HostError(f"no flowgraph file {name}")
        return path.resolve()
    flowgraphs = shipped()
    if name not in flowgraphs:
        raise HostError(f"no flowgraph {name!r}: there are {', '.join(flowgraphs) or 'none'}, or give a .grc file")
    return flowgraphs[name]


def title(path: Path) -> str:
    """The title that stands in a .grc file."""
    match = re.search(r"^\s*title:\s*(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return match[1].strip("'\" ") if match else ""


def environment() -> dict[str, str]:
    """This process's environment, with gr-deepsc's block descriptions first in GRC_BLOCKS_PATH."""
    others = os.environ.get("GRC_BLOCKS_PATH")
    return os.environ | {"GRC_BLOCKS_PATH": f"{BLOCKS}{os.pathsep}{others}" if others else str(BLOCKS)}


def has_window(path: Path) -> bool:
    """Whether a .grc file is of a flowgraph with a Qt window."""
    return "generate_options: qt_gui" in path.read_text(encoding="utf-8")


def without_window(path: Path, folder: Path) -> Path:
    """A copy in `folder` of a .grc file with a Qt window, that has none: its widgets are disabled.

    Raises:
        HostError: a control of the window sets something, so that it does not go without.
    """
    import yaml  # of the distribution's GNU Radio

    graph = yaml.safe_load(path.read_text(encoding="utf-8"))
    graph["options"]["parameters"] |= {"generate_options": "no_gui", "run_options": "run"}
    for block in graph["blocks"]:
        if block["id"].startswith("variable_qtgui_"):
            raise HostError(f"{path.stem} is there for its window: without one take sim_fading")
        if block["id"] in WIDGETS or block["id"].startswith("qtgui_"):
            block["states"]["state"] = "disabled"
    copy = folder / path.name
    copy.write_text(yaml.safe_dump(graph), encoding="utf-8")
    return copy


def compile_flowgraph(path: Path, window: bool = True, told: Callable[[str], object] = lambda line: None) -> Path:
    """Translate a .grc file to Python with grcc, unless the same was done before.

    Args:
        window: False leaves a Qt window out.
        told: is called before something that takes seconds, with what it is.

    Returns:
        The Python program, in the cache folder (XDG_CACHE_HOME or ~/.cache, deepsc/flowgraphs/).

    Raises:
        HostError: grcc is missing, or complained about anything at all.
    """
    import_gnuradio()
    text = path.read_bytes()
    digest = hashlib.sha256(text if window else text + b"without its window")
    for block in sorted(BLOCKS.glob("*.yml")):
        digest.update(block.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deepsc" / "flowgraphs"
    folder = cache / f"{path.stem}-{digest.hexdigest()[:16]}"
    identity = re.search(r"^\s*id:\s*(\S+)\s*$", text.decode(errors="replace"), re.MULTILINE)
    program = folder / f"{identity[1] if identity else path.stem}.py"
    if program.is_file():
        return program
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HostError(f"cannot make the cache folder {folder.parent}: {error.strerror}; set XDG_CACHE_HOME") from None
    work = folder.with_name(f"{folder.name}.{os.getpid()}")  # a compilation cut short must not look complete
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        if not window:
            path = without_window(path, work)
        told(f"compiling {path.stem}")
        _grcc(path, work)
        made = [file for file in work.glob("*.py") if f"class {file.stem}(" in file.read_text()]
        if len(made) != 1:
            raise HostError(f"grcc made {len(made)} programs of {path}, expected one")
        if missing := missing_blocks(path, made[0].read_text()):
            raise HostError(f"{path} does not compile: GRC does not know the block {', '.join(missing)}")
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder / made[0].name


def _grcc(path: Path, folder: Path) -> None:
    command = [sys.executable, tool("grcc"), "-o", str(folder), str(path)]
    try:
        done = subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMPILE_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise HostError(f"grcc took over {COMPILE_TIMEOUT} s for {path}") from None
    if done.returncode or COMPLAINTS.search(done.stdout):
        print(done.stdout, file=sys.stderr)
        guilty = [line.strip() for line in done.stdout.splitlines() if COMPLAINTS.search(line)]
        raise HostError(f"{path} does not compile: {(guilty or ['grcc failed'])[-1]}")


def missing_blocks(path: Path, source: str) -> list[str]:
    """Names and ids of the enabled blocks of a .grc file that are not in the program generated from it.

    grcc leaves out a block that it does not know without a word.
    """
    import yaml  # of the distribution's GNU Radio

    blocks = yaml.safe_load(path.read_text(encoding="utf-8")).get("blocks") or []
    return [
        f"{block['name']} ({block['id']})"
        for block in blocks
        if block["id"] not in NOT_IN_PROGRAM
        and block.get("states", {}).get("state", "enabled") == "enabled"
        and not re.search(rf"\b{re.escape(block['name'])}\b", source)
    ]


def tool(name: str) -> str:
    """Path of one of GNU Radio's programs; HostError where it is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/bin:/usr/local/bin")
    if not found:
        raise HostError(f"no {name}: install GNU Radio (`make setup`, or `apt-get install gnuradio`)")
    return found
