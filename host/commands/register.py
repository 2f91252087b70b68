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
Learn a voice from recordings of one person reading or talking, ten minutes or more, and keep it as a file of the
user's data folder: from then on whatever speaks here knows it, by --user-id. Needs pip install '.[train]'.

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
MINUTES, CUDA_MINUTES = 20.0, 4.0


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc register`."""
    add = command.add_argument
    add("folder", metavar="FOLDER", type=Path, help="recordings of one person")
    add("--name", required=True, help="of the voice, as `deepsc voices` lists it")
    add("--licence", default="private", help="of the recordings; the file states it (private)")
    help = f"of training: more is better understood ({MINUTES:g}, with a GPU {CUDA_MINUTES:g})"
    add("--minutes", type=options.number(float, 0.01, 1e4), metavar="M", help=help)
    user = options.number(int, own.FIRST, own.LAST)
    add("--user-id", type=user, metavar="N", help=f"of the voice (the first that is free from {own.FIRST} on)")
    add("--device", metavar="NAME", help="of torch: cpu, cuda (cuda if there is one)")


def run(args: argparse.Namespace) -> int:
    """`deepsc register`."""
    user_id = _free(args.name, args.user_id)
    if not args.folder.is_dir():
        raise HostError(f"{args.folder}: no such folder; give one with recordings of a single person")
    try:
        import torch
        from deepsc_export.data.corpora import CorpusError
        from deepsc_export.voice import collect, register
    except ModuleNotFoundError as error:
        raise HostError(f"{error.name} is missing: install with pip install '.[train]'") from None
    minutes = args.minutes or (CUDA_MINUTES if torch.cuda.is_available() and args.device != "cpu" else MINUTES)
    work = own.folder().parent / "registering" / args.name
    try:
        with refused(CorpusError, OSError, RuntimeError):
            found = collect.collect(args.folder, work / "corpus")
            _tell(found)
            model, seconds = register.learn(work / "corpus", work, minutes, args.device)
            path = own.keep(user_id, lambda path: register.write(model, path, user_id, args.name, args.licence, seconds))
    except KeyboardInterrupt:
        complain(f"stopped; the same command goes on where it was, from what is in {work}")
        raise
    shutil.rmtree(work, ignore_errors=True)
    print(f'user {user_id}, {args.name}: {path}\ntry: deepsc say "good morning" --user-id {user_id}')
    return SOME_FAILED if found.left_out else DONE


def _free(name: str, user_id: int | None) -> int:
    """A user ID for the new voice: the one wished for, or the first that nobody has; HostError where one is taken."""
    if not name.strip() or not name.isprintable() or name.startswith(".") or "/" in name:
        raise HostError(f"--name {name!r}: must be a name of letters, without / and no . in front")
    known = load_voices("").users
    for taken, user in known.items():
        if user.name == name:
            mend = f"remove it by `deepsc voices --remove {name}`" if taken >= own.FIRST else "choose another one"
            raise HostError(f"--name {name}: user {taken} has this name; {mend}")
    if user_id in known:
        raise HostError(f"--user-id {user_id}: taken by {known[user_id].name}; without the option a free one is found")
    return user_id or next(number for number in range(own.FIRST, own.LAST + 1) if number not in known)


def _tell(found: Any) -> None:
    """What was collected, and what was not; HostError where it is too little."""
    for sentence in found.left_out:
        complain(sentence)
    minutes = f"{found.seconds / 60:.1f} minutes of speech in {found.clips} pieces"
    if found.seconds < LEAST_S:
        raise HostError(f"{minutes} are left: a voice needs ten, and at least {LEAST_S / 60:g}; record more")
    if found.seconds < FEW_S:
        complain(f"{minutes} are few: the voice will be less like its speaker, and less clear, than from ten")
    say(f"{minutes}, of {found.written} the texts are written by the recogniser", sys.stdout)
