"""`deepsc voices`: who is registered, and who no longer."""

import argparse
import json

from gr_deepsc.voice import own

from .. import options
from ..errors import DONE, HostError, refused
from .say import load_voices

DESCRIPTION = """\
List the registered users: ID, name, licence of the recordings that the voice was learnt from. `deepsc register`
adds one of your own, from 100 on.
"""

EXAMPLES = ""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc voices`."""
    options.json(command)
    options.voices(command)
    command.add_argument("--remove", metavar="NAME", help="delete this voice of your own, by its name or its file's")


def run(args: argparse.Namespace) -> int:
    """`deepsc voices`."""
    if args.remove is not None:
        with refused(OSError):
            path = own.remove(args.remove)
        if path is None:
            raise HostError(f"--remove {args.remove}: no voice of your own has this name; `deepsc voices` lists all")
        print(f"removed: {path}")
        return DONE
    for user_id, user in load_voices(args.voices).users.items():
        entry = {"user_id": user_id, "name": user.name, "licence": user.licence}
        print(json.dumps(entry) if args.json else f"{user_id:>5}  {user.name:<16} {user.licence}")
    return DONE
