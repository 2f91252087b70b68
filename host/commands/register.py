"""`deepsc register`: a voice of one's own, which needs packages that nothing else here does."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from gr_deepsc.voice import own

from .. import options
from ..errors import DONE, SOME_FAILED, HostError, refused
from ..show.report import complain, say
from .say import load_voices

DESCRIPTION = """\
Learn a voice from recordings of one person reading or talking, ten minutes or more, and keep it as a file of
the user's data folder: from then on whatever speaks here knows it, by --user-id. Needs pip install '.[train]'.

FOLDER has the recordings, in any format, long or short; long ones are cut at pauses. Their texts may stand
beside them (NAME.txt for NAME.wav, or metadata.csv with lines of NAME|TEXT); where there is none the recogniser
writes it, and what it is not sure of is left out. Ctrl-C stops it; the same command goes on where it was.
"""

EXAMPLES = """\
EXAMPLES
  deepsc register recordings --name Ada
  deepsc register recordings --name Ada --minutes 40 --licence CC0
  deepsc say "good morning" --user-id 100
  deepsc voices --remove Ada
"""

LEAST_S, FEW_S = 60.0, 300.0  # of speech


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc register`."""
    add = command.add_argument
    add("folder", metavar="FOLDER", type=Path, help="recordings of one person")
    add("--name", required=True, help="of the voice, as `deepsc voices` lists it")
    add("--licence", default="private", help="of the recordings; the file states it (private)")
    help = "of training: the more, the clearer (20; 4 on a GPU, which is used where torch finds one)"
    add("--minutes", type=options.number(float, 0.001, 1e4), metavar="M", help=help)
    user = options.number(int, own.FIRST, own.LAST)
    add("--number", type=user, metavar="N", help=f"its user ID (the first that is free from {own.FIRST} on)")


def run(args: argparse.Namespace) -> int:
    """`deepsc register`."""
    _free(args.name, args.number)
    if not args.folder.is_dir():
        raise HostError(f"{args.folder}: no such folder; give one with recordings of a single person")
    try:
        from deepsc_export.data.corpora import CorpusError
        from deepsc_export.voice import collect, register
    except ModuleNotFoundError as error:
        raise HostError(f"{error.name} is missing: install with pip install '.[train]'") from None
    work = own.folder().parent / "registering" / args.name
    try:
        with refused(CorpusError, OSError, ValueError, RuntimeError):
            found = collect.collect(args.folder, work / "corpus")
            _tell(found)
            model, seconds = register.learn(work / "corpus", work, args.minutes)
            user_id = _free(args.name, args.number)  # others may have been registered meanwhile
            about = user_id, args.name, args.licence, seconds
            path = own.keep(user_id, lambda new: register.write(model, new, *about))
    except KeyboardInterrupt:
        complain(f"stopped; the same command goes on where it was, from what is in {work}")
        raise
    shutil.rmtree(work, ignore_errors=True)
    print(f'user {user_id}, {args.name}: {path}\ntry: deepsc say "good morning" --user-id {user_id}')
    return SOME_FAILED if found.unread else DONE


def _free(name: str, user_id: int | None) -> int:
    """A user ID for the new voice: the one wished for, or the first that nobody has; HostError where one is taken."""
    if not name.strip() or not name.isprintable() or name.startswith(".") or "/" in name:
        raise HostError(f"--name {name!r}: must be a name of letters, without / and no . in front")
    known = load_voices("").users
    for number, user in known.items():
        if user.name == name:
            mend = f"remove it by `deepsc voices --remove {name}`" if number >= own.FIRST else "choose another one"
            raise HostError(f"--name {name}: user {number} has this name; {mend}")
    if user_id in known:
        raise HostError(f"--number {user_id}: taken by {known[user_id].name}; without the option a free one is found")
    taken = known.keys() | {int(path.stem) for path in own.files() if path.stem.isdecimal()}  # one may be broken
    return user_id or next(number for number in range(own.FIRST, own.LAST + 1) if number not in taken)


def _tell(found: Any) -> None:
    """What was collected, and what was not; HostError where it is too little."""
    for sentence in found.told:
        complain(sentence)
    minutes = f"{found.seconds / 60:.1f} minutes of speech in {found.clips} pieces"
    if found.seconds < LEAST_S:
        raise HostError(f"{minutes} are left: a voice needs ten, and at least {LEAST_S / 60:g}; record more")
    if found.seconds < FEW_S:
        complain(f"{minutes} are few: the voice will be less like its speaker, and less clear, than from ten")
    say(f"{minutes}, of {found.written} the texts are written by the recogniser", sys.stdout)
