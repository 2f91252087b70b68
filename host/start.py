"""Where the command begins. Ctrl-C while modules are loaded, which take a second, ends it at once and in silence.

Nothing but this file may be imported before: a module that is being loaded takes Ctrl-C for an error of its own.
"""

import os
import signal

INTERRUPTED = 128 + signal.SIGINT  # the exit status of what Ctrl-C ended


def _end(*_: object) -> None:
    os._exit(INTERRUPTED)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where somebody has it ignored
    signal.signal(signal.SIGINT, _end)


def loaded() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt, which may put things away."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def main() -> int:
    """The command `deepsc`."""
    from .cli import main

    return main()
