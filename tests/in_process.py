"""The command `deepsc` in the tests' own process, where a process of its own would show nothing more."""

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

from deepsc_host.cli import main


class Done(NamedTuple):
    """As of a process that has ended."""

    returncode: int
    stdout: str
    stderr: str


def deepsc(*arguments: object) -> Done:
    """Run `deepsc` to its end."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse's
            status = end.code
    return Done(status, out.getvalue(), err.getvalue())
