"""`deepsc web`: the whole chain on a page in the browser."""

import argparse

from gr_deepsc.link.addresses import AUDIO_ADDRESS, RESULT_ADDRESS, SPECTRUM_ADDRESS

from .. import options
from ..errors import DONE

PORT = 8737

DESCRIPTION = """\
Open a page in the browser on which to try the whole chain: choose or record a sentence, a channel and a
signal to noise ratio, and see and hear what comes out. Under "Live" it shows what a running flowgraph receives,
and speaks into it.

The page is served by this process and loads nothing from elsewhere. It is for this machine only; with --host
for others as well, who need the address with its token as it is printed. Browsers let pages of other machines
use the microphone by https only. What is uploaded lies in a temporary folder, which goes when this ends.
"""

EXAMPLES = """\
EXAMPLES
  deepsc web
  deepsc web --port 0 --no-browser      # any free port
  deepsc web --results tcp://10.0.0.5:5556 --curve-key keys/   # Live: a flowgraph on another machine
  deepsc web --host 0.0.0.0             # for other machines, too: docs/web.md
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc web`."""
    port = options.number(int, 0, 65535)
    command.add_argument("--port", type=port, default=PORT, metavar="N", help=f"to listen at; 0: any free one ({PORT})")
    command.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="to listen at (127.0.0.1)")
    command.add_argument("--no-browser", action="store_true", help="open none")
    options.model(command)
    options.voices(command)
    for name, address, what in (
        ("results", RESULT_ADDRESS, "Result"),
        ("audio", AUDIO_ADDRESS, "Audio"),
        ("spectrum", SPECTRUM_ADDRESS, "Spectrum"),
    ):
        help = f"for Live: of the flowgraph's {what} Link ({address})"
        command.add_argument(f"--{name}", default=address, metavar="ADDRESS", help=help)
    options.curve_key(command)


def run(args: argparse.Namespace) -> int:
    """`deepsc web`."""
    from ..web.live import Links  # here: the options need neither server nor models
    from ..web.server import serve

    links = Links(args.results, args.audio, args.spectrum, args.curve_key)
    serve(args.host, args.port, args.model, args.voices, links, not args.no_browser)
    return DONE
