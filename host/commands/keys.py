"""`deepsc keys`: CURVE keys for links that leave this machine."""

import argparse

from gr_deepsc.link.sockets import LinkError, make_keys

from ..errors import DONE, HostError


def run(args: argparse.Namespace) -> int:
    """`deepsc keys FOLDER`."""
    try:
        made = make_keys(args.folder)
    except (LinkError, OSError) as error:
        raise HostError(str(error)) from None
    print("\n".join(map(str, made)))
    print(f"give the flowgraph and `deepsc send|receive --curve-key` the folder {args.folder}")
    return DONE
