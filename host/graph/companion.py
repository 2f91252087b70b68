"""Plain gnuradio-companion made to find gr-deepsc: its blocks, and the Python environment in which they run.

The blocks' folder goes into the user's config.conf of GNU Radio. What GRC then runs is started by the distribution's
Python, which has not the packages of a virtual environment, and some of them in other versions. So a finder is put into
the user's site-packages: where a program imports gr_deepsc, and it is not there, the program is started again by the
environment's own Python.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from ..errors import HostError, refused
from .programs import BLOCKS, tool

_KEY = "local_blocks_path"
_ASK = """
import site
from gnuradio import gr
paths = getattr(gr, "paths", None)  # newer GNU Radios than 3.10.5 may keep it in ~/.config/gnuradio
print(paths.userconf() if paths else gr.userconf_path())
print(gr.prefs().get_string("grc", "local_blocks_path", ""))
print(site.getusersitepackages())
"""
_FINDER = '''\
"""Written by `deepsc flowgraph install`: runs a program that needs gr_deepsc by the Python that has it."""

import os
import sys

PYTHON = {python!r}


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "gr_deepsc" or sys.prefix == {prefix!r} or not os.path.exists(PYTHON):
            return None
        if os.path.basename(sys.argv[0]) in ("gnuradio-companion", "grcc"):  # not with somebody's work in the window
            return None
        sys.stdout.flush()
        os.execv(PYTHON, [PYTHON, *sys.orig_argv[1:]])


sys.meta_path.append(Finder)
'''


class _Companion(NamedTuple):
    config: Path  # config.conf
    known: list[str]  # folders of blocks that it looks into
    finder: Path
    start: Path  # what Python reads when it starts


def install() -> list[Path]:
    """Put all in place; returns the files that were changed or made.

    Raises:
        HostError: there is no GNU Radio, or a file cannot be written.
    """
    there, changed = _companion(), []
    if str(BLOCKS) not in there.known:
        _write_paths(there.config, [*there.known, str(BLOCKS)])
        changed.append(there.config)
    if sys.prefix != sys.base_prefix:
        finder = _FINDER.format(python=sys.executable, prefix=sys.prefix)
        for path, text in ((there.finder, finder), (there.start, f"import {there.finder.stem}\n")):
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                _write(path, text)
                changed.append(path)
    return changed


def uninstall() -> list[Path]:
    """Take all out again; returns the files that were changed or removed. Errors as of `install`."""
    there, changed = _companion(), []
    if str(BLOCKS) in there.known:
        _write_paths(there.config, [each for each in there.known if each != str(BLOCKS)])
        changed.append(there.config)
    for path in (there.start, there.finder):
        if path.exists():
            with refused(OSError, what=f"cannot remove {path}"):
                path.unlink()
            changed.append(path)
    return changed


def _companion() -> _Companion:
    """Asked of the Python that gnuradio-companion runs by."""
    first = Path(tool("gnuradio-companion")).read_bytes().split(b"\n", 1)[0].decode(errors="replace")
    python = first.removeprefix("#!").split() if first.startswith("#!") else ["/usr/bin/python3"]
    done = subprocess.run([*python, "-c", _ASK], capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise HostError(f"cannot ask {' '.join(python)} where GNU Radio's configuration is: {reason}")
    config, known, site = done.stdout.splitlines()[-3:]
    finder = Path(site) / "gr_deepsc_environment.py"
    paths = [path for path in known.split(":") if path]
    return _Companion(Path(config) / "config.conf", paths, finder, finder.with_suffix(".pth"))


def _write_paths(config: Path, paths: list[str]) -> None:
    """The line of folders in the section [grc]; all other lines stay. Without a folder there is no line."""
    with refused(OSError, UnicodeDecodeError, what=f"cannot read {config}"):
        lines = config.read_text(encoding="utf-8").splitlines() if config.exists() else []
    section, kept, at = "", [], 0
    for line in lines:
        if header := re.match(r"\s*\[(.*)\]", line):
            section = header[1].strip()
        if section == "grc" and re.match(rf"\s*{_KEY}\s*=", line):
            continue
        kept.append(line)
        if section == "grc" and header:
            at = len(kept)
    if paths and not at:
        kept += ["[grc]"]
        at = len(kept)
    if paths:
        kept.insert(at, f"{_KEY} = {':'.join(paths)}")
    elif at and kept[at - 1 :] == ["[grc]"]:  # which we made
        kept.pop()
    if kept:
        _write(config, "\n".join(kept) + "\n")
    elif config.exists():
        config.unlink()


def _write(path: Path, text: str) -> None:
    with refused(OSError, what=f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
