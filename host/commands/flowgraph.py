"""`deepsc flowgraph`: list, compile, run and open GNU Radio Companion flowgraphs that use gr-deepsc's blocks."""

import argparse
import os
import sys

from .. import settings
from ..errors import DONE, HostError
from ..graph.companion import install, uninstall
from ..graph.gnuradio import import_gnuradio
from ..graph.programs import compile_flowgraph, environment, locate, run_program, shipped, title, tool

DESCRIPTION = """\
List, run, compile or open the flowgraphs that come with gr-deepsc; NAME may also be a .grc file.

A GRC that is started through this command finds gr-deepsc's blocks and this Python environment; any other does
after `install`, which writes where they are into the user's configuration of GNU Radio, until `uninstall`.
Generated Python goes to ~/.cache/deepsc, never into the checkout.
"""

EXAMPLES = """\
EXAMPLES
  deepsc flowgraph list
  deepsc flowgraph run sim_fading -- --channel rician --es-n0-db 8
  deepsc flowgraph run sim_fading -- --help      # what the flowgraph can be told
  deepsc flowgraph open sim_gui
  deepsc flowgraph install                       # and gnuradio-companion finds the blocks by itself
"""


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
    options = settings.of_flowgraph(path)
    program = compile_flowgraph(path)
    if args.action == "compile":
        print(program)
        return DONE
    if "generate_options: qt_gui" in path.read_text(encoding="utf-8"):
        _need_desktop(args.name)
    options += args.options[1:] if args.options[:1] == ["--"] else args.options
    return run_program(program, options)


def _need_desktop(who: str) -> None:
    if not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))):
        raise HostError(f"{who} needs a desktop: DISPLAY is not set (ssh -X, or Xvfb)")
