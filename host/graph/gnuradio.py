"""GNU Radio, imported late and with a word about what to do where it is missing."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any

from ..environment import check_limits
from ..errors import HostError


def import_gnuradio() -> tuple[Any, Any]:
    """The modules `gr` and `pmt`.

    Raises:
        HostError: GNU Radio is missing, or was built for another NumPy than the one that is installed, or the shell's
            limits are too low for it.
    """
    check_limits()
    said = io.StringIO()
    try:
        with redirect_stderr(said):  # NumPy writes two tracebacks where an extension was built for another
            import pmt
            from gnuradio import gr
    except ImportError as error:
        # An extension module's own message is "initialization failed"; the reason is in what it was raised from.
        reasons: list[BaseException] = [error]
        while reason := reasons[-1].__cause__ or reasons[-1].__context__:
            reasons.append(reason)
        for reason in reasons:
            if "numpy" in str(reason).lower():
                raise HostError(
                    f"GNU Radio cannot use the NumPy that is installed ({reason}): run `make clean setup`"
                ) from None
        raise HostError(
            f"GNU Radio cannot be imported ({error}): run `make setup`; `deepsc doctor` tells more"
        ) from None
    sys.stderr.write(said.getvalue())
    return gr, pmt


@contextmanager
def stdout_for_results() -> Iterator[None]:
    """GNU Radio logs on stdout: within this context that goes to stderr, and stdout is for results."""
    console = sys.__stdout__
    if console is None or sys.stdout is not console:  # somebody, a test perhaps, took stdout already
        yield
        return
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(ours, "w", encoding=console.encoding, errors=console.errors)
    try:
        yield
        sys.stdout.flush()
    finally:
        stream, sys.stdout = sys.stdout, console
        os.dup2(ours, 1)
        with suppress(BrokenPipeError):
            stream.close()
