"""`deepsc voices`: who is registered."""

import argparse
import json

from .. import options
from ..errors import DONE
from .say import load_voices

DESCRIPTION = """\
List the registered users: ID, name, licence of the recordings that the voice was learnt from. docs/voices.md
says how another user is registered.
"""

EXAMPLES = ""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc voices`."""
    options.json(command)
    options.voices(command)


def run(args: argparse.Namespace) -> int:
    """`deepsc voices`."""
    for user_id, user in load_voices(args.voices).users.items():
        entry = {"user_id": user_id, "name": user.name, "licence": user.licence}
        print(json.dumps(entry) if args.json else f"{user_id:>5}  {user.name:<16} {user.licence}")
    return DONE
