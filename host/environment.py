"""What the shell gave this process: a home, limits, an output; put right, or refused with the command that does it."""

import atexit
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from .errors import HostError

MEMORY = 1536  # MiB of addresses that GNU Radio, with our models, needs: below it hangs, or is killed
FILES = 64  # that it opens; below it libzmq aborts


def settle() -> None:
    """Give a process that has no home it can write to a temporary one; have output escape what it cannot show."""
    if home_problem():
        os.environ["HOME_GIVEN"] = os.environ.get("HOME", "")
        os.environ["HOME"] = tempfile.mkdtemp(prefix="deepsc-home-")
        atexit.register(shutil.rmtree, os.environ["HOME"], ignore_errors=True)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def home_problem() -> str:
    """Why nothing can be kept in this user's home; "" where it can."""
    home = os.environ.get("HOME_GIVEN", os.environ.get("HOME", ""))
    if not home:
        return "HOME is not set"
    return "" if Path(home).is_dir() and os.access(home, os.W_OK) else f"HOME is {home}, which cannot be written"


def check_limits() -> None:
    """HostError where GNU Radio or ZeroMQ would hang or abort."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < FILES <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    elif 0 <= soft < FILES:
        raise HostError(f"this shell allows {soft} open files, {FILES} are needed: `ulimit -n {FILES}`")
    allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
    if 0 <= allowed < MEMORY << 20:
        raise HostError(f"this shell allows {allowed >> 20} MiB of memory, {MEMORY} are needed: `ulimit -v unlimited`")
