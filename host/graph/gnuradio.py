"""GNU Radio, imported late and with a word about what to do where it is missing."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import HostError


def import_gnuradio() -> tuple[Any, Any]:
    """The modules `gr` and `pmt`.

    Raises:
        HostError: GNU Radio is missing, or NumPy 2 breaks it.
    """
    try:
        import numpy

        if int(numpy.__version__.split(".")[0]) >= 2:
            raise HostError(
                f"NumPy {numpy.__version__} does not work with GNU Radio 3.10: pip install 'numpy<2' "
                "(`make setup` does it)"
            )
        import pmt
        from gnuradio import gr
    except ImportError as error:
        raise HostError(
            f"GNU Radio cannot be imported ({error}): run `make setup`; `deepsc doctor` tells more"
        ) from None
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
