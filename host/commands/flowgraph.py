"""`deepsc flowgraph`: list, compile, run and open GNU Radio Companion flowgraphs that use gr-deepsc's blocks."""

import argparse
import os
import sys

from .. import settings
from ..errors import DONE, HostError
from ..graph.companion import install, uninstall
from ..graph.gnuradio import import_gnuradio
from ..graph.programs import compile_flowgraph, environment, has_window, locate, shipped, title, tool
from ..graph.running import has_display, run_program
from ..show.report import complain

DESCRIPTION = """\
List, run, compile or open the flowgraphs that come with gr-deepsc; NAME may also be a .grc file.

`run` says when a flowgraph is ready, and where; with --verbose prints a line for each burst. Receivers open a
window, with --no-gui or where there is no display they do without.

A GRC that is started through this command finds gr-deepsc's blocks and this Python environment; any other does
after `install`, which writes where they are into the user's configuration of GNU Radio, until `uninstall`.
Generated Python goes to ~/.cache/deepsc, never into the checkout.
"""

EXAMPLES = """\
EXAMPLES
  deepsc flowgraph list
  deepsc flowgraph run sim_fading -- --channel rician --es-n0-db 8
  deepsc flowgraph run sim_fading -- --help      # what the flowgraph can be told
  deepsc flowgraph run iq_rx --no-gui --verbose -- --file speech
  deepsc flowgraph open sim_gui
  deepsc flowgraph install                       # and gnuradio-companion finds the blocks by itself
"""

OURS = ("--no-gui", "--verbose")  # of `run`


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc flowgraph`."""
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="name and title of each")
    actions.add_parser("install", help="have gnuradio-companion find the blocks by itself")
    actions.add_parser("uninstall", help="take that out again")
    for action, summary in (
        ("run", "compile if need be, and run; options of the flowgraph after --"),
        ("compile", "compile and print where the Python program lies"),
        ("open", "in GNU Radio Companion"),
    ):
        sub = actions.add_parser(action, help=summary)
        sub.add_argument("name", metavar="NAME", help="of `deepsc flowgraph list`, or a .grc file")
        if action == "run":
            sub.add_argument("--no-gui", action="store_true", help="without its window")
            sub.add_argument("--verbose", action="store_true", help="a line for each result")
            sub.add_argument("options", nargs=argparse.REMAINDER, metavar="-- OPTIONS", help="for the flowgraph")


def run(args: argparse.Namespace) -> int:
    """`deepsc flowgraph`."""
    if args.action == "list":
        width = max(map(len, shipped()), default=0)
        for name, path in shipped().items():
            print(f"{name:<{width}}  {title(path)}")
        return DONE
    if args.action in ("install", "uninstall"):
        changed = install() if args.action == "install" else uninstall()
        print("\n".join(map(str, changed)) or "nothing to do")
        return DONE
    path = locate(args.name)
    if args.action == "open":
        _need_desktop("GNU Radio Companion")
        import_gnuradio()
        command = [sys.executable, tool("gnuradio-companion"), str(path)]
        os.execve(command[0], command, environment())
    if args.action == "compile":
        print(compile_flowgraph(path))
        return DONE
    ours, told = _split(args.options)
    options = settings.of_flowgraph(path) + told
    window = has_window(path)
    hidden = window and (args.no_gui or "--no-gui" in ours)
    if window and not hidden and not has_display():
        complain(f"there is no display (DISPLAY; ssh -X, or Xvfb): {path.stem} runs without its window")
        hidden = True
    program = compile_flowgraph(path, not hidden, complain)
    return run_program(program, options, complain, args.verbose or "--verbose" in ours)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Options of ours behind the name, and what the flowgraph gets, with -- in front of it or without."""
    before = words[: words.index("--")] if "--" in words else words
    behind = words[len(before) + 1 :]
    return [word for word in before if word in OURS], [word for word in before if word not in OURS] + behind


def _need_desktop(who: str) -> None:
    if not has_display():
        raise HostError(f"{who} needs a desktop: there is no display (DISPLAY; ssh -X, or Xvfb)")
