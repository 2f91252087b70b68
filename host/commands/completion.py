"""`deepsc completion`: a script with which a shell completes commands, options and names of flowgraphs."""

import argparse

from ..errors import DONE
from ..graph.programs import shipped
from ..suggest import parsers

DESCRIPTION = """\
Print a script with which bash or zsh completes commands, options, choices, files and names of flowgraphs. It
is fixed: print it again after an update.
"""

EXAMPLES = """\
EXAMPLES
  deepsc completion bash > ~/.local/share/bash-completion/completions/deepsc
  deepsc completion zsh > ~/.zfunc/_deepsc       # a folder of your fpath
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc completion`."""
    command.add_argument("shell", choices=("bash", "zsh"), help="whose script")


def run(args: argparse.Namespace) -> int:
    """`deepsc completion`."""
    import shtab

    from ..cli import COMMANDS, parser

    top = parser(*COMMANDS)
    for each in parsers(top):
        for action in each._actions:
            if action.metavar == "FILE":
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar in ("DIR", "FOLDER"):
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif each.prog.startswith("deepsc flowgraph") and action.dest == "name":
                action.choices = tuple(shipped())
    print(shtab.complete(top, args.shell))
    return DONE
