"""The command `deepsc`: which subcommands there are. Each is a module of `commands`, its options and its help in it."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from gr_deepsc.files import FileError

from . import environment, settings
from .errors import DONE, SETUP_FAILED, HostError, printable
from .start import INTERRUPTED, loaded
from .suggest import suggestion

DESCRIPTION = """\
Speech in, meaning over the air, text and a voice out: DeepSC-ST on GNU Radio.

With no radio and nothing running, try `deepsc web`, a page in the browser, or `deepsc simulate RECORDING`;
files of a radio's samples are written by `deepsc record` and read by `deepsc play`.
With a flowgraph: `deepsc flowgraph run sim_fading` in one terminal, `deepsc receive` in a second one,
`deepsc send RECORDING` in a third. When something does not work: `deepsc doctor`.
"""

EXIT_STATUS = """\
EXIT STATUS
  0    all went well
  1    something failed: a recording, an utterance, a check; all else was still done
  2    nothing could be done: bad options, no model, no flowgraph at the address, GNU Radio missing
  130  Ctrl-C ended it
"""

COMMANDS = {
    "web": "a page in the browser on which to try it all",
    "simulate": "recordings through a simulated channel, in one go",
    "record": "recordings to a file of samples, as a radio sends them",
    "play": "a file of samples to text",
    "send": "recordings or the microphone to a running flowgraph",
    "receive": "print, play or save what a running flowgraph recognises",
    "flowgraph": "list, run, compile or open the shipped flowgraphs",
    "say": "speak a text in a registered user's voice",
    "voices": "list the registered users' voices",
    "register": "learn a voice of one's own from recordings",
    "bench": "the paper's experiments",
    "doctor": "check the installation",
    "keys": "make keys to talk to another machine",
    "config": "show or change the options that are kept in a file",
    "completion": "print what makes a shell complete commands and options",
}


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=110)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, what may have been meant, and where the options are explained."""
        message = printable(f"{self.prog}: {message}{suggestion(self, message)}")
        self.exit(SETUP_FAILED, f"{message}; see `{self.prog} --help`\n")


def parser(*names: str) -> argparse.ArgumentParser:
    """The command line, with the options of the commands `names` (default: all): loading one's module takes time."""
    top = _Parser(prog="deepsc", description=DESCRIPTION, epilog=EXIT_STATUS, formatter_class=_Formatter)
    top.add_argument("--version", action="version", version=_version())
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, formatter_class=_Formatter)
        if name in (names or COMMANDS):
            module = importlib.import_module(f".commands.{name}", __package__)
            command.description = module.DESCRIPTION
            command.epilog = "\n".join([*filter(None, [module.EXAMPLES]), EXIT_STATUS])
            command.set_defaults(run=module.run)
            module.add_options(command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own); returns the exit status."""
    argv = sys.argv[1:] if argv is None else [str(word) for word in argv]
    name = next((word for word in argv if not word.startswith("-")), "")
    try:
        environment.settle()
        top = parser(name or "none")
        if not argv:
            top.print_help()
            return DONE
        if name in COMMANDS:
            settings.apply(top, name)
        args = top.parse_args(argv)
        loaded()
        status = args.run(args)
        sys.stdout.flush()
        return status
    except (HostError, FileError) as error:
        print(printable(f"deepsc: {error}"), file=sys.stderr)
        return SETUP_FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"gr-deepsc {version('gr-deepsc')}"
    except PackageNotFoundError:
        return "gr-deepsc (not installed)"
