"""`deepsc keys`: CURVE keys for links that leave this machine."""

import argparse

from gr_deepsc.link.sockets import LinkError, make_keys

from ..errors import DONE, refused

DESCRIPTION = """\
Make the CURVE keys that `send`, `receive` and the link blocks need to talk to another machine.

FOLDER gets a key pair of the server (the flowgraph) and one of a client; FOLDER/clients holds the public keys
of those who may connect. Copy server.key, client.key and client.key_secret to the client's machine, no more.
"""

EXAMPLES = ""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc keys`."""
    command.add_argument("folder", metavar="FOLDER", help="new folder for the keys")


def run(args: argparse.Namespace) -> int:
    """`deepsc keys FOLDER`."""
    with refused(LinkError, OSError):
        made = make_keys(args.folder)
    print("\n".join(map(str, made)))
    print(f"give the flowgraph and `deepsc send|receive --curve-key` the folder {args.folder}")
    return DONE
