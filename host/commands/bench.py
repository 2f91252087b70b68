"""`deepsc bench`: the paper's experiments, which need packages that nothing else here does."""

import argparse
import os

from .. import options
from ..errors import DONE, SOME_FAILED, HostError, refused

DESCRIPTION = """\
Run one of the paper's experiments: the compared systems, the same recordings, the same channel realisations.
Needs pip install '.[bench]'.

What is measured is kept in DIR at once: a stopped run goes on from there, and fig6 needs no more than fig5.
The results do not depend on the number of processes or machines.
"""

EXAMPLES = """\
OUTPUT
  DIR/NAME.csv, NAME.png, NAME.json (machine, command, revision, seed, models, packages), NAME-costs.csv (CPU
  seconds of every item) and items.sqlite (what was measured). docs/bench.md explains the columns.

EXAMPLES
  deepsc bench --list
  deepsc bench fig5 --quick
  deepsc bench fig5 --corpus corpora/LJSpeech-1.1 corpora/mini_librispeech
  deepsc bench check                                   # which figures are older than the shipped models
  deepsc bench all --out bench/figures --corpus ...    # makes those again; stopped, it goes on
  deepsc bench fig5 --scheduler tcp://10.0.0.1:8786    # `dask scheduler`, `dask worker tcp://10.0.0.1:8786`
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc bench`."""
    add = command.add_argument
    add("name", nargs="?", metavar="NAME", help="of an experiment; or all, or check")
    add("--list", action="store_true", help="list the experiments and the systems")
    sizes = command.add_mutually_exclusive_group()
    for size, summary in (("quick", "minutes instead of an hour"), ("full", "many hours")):
        sizes.add_argument(f"--{size}", dest="size", action="store_const", const=size, help=summary)
    command.set_defaults(size="default")
    help = "folders of corpora whose test splits to use (the checkout's three samples)"
    add("--corpus", nargs="+", default=[], metavar="DIR", help=help)
    add("--utterances", type=options.positive, metavar="N", help="so many of them (the size's)")
    add("--systems", nargs="+", default=[], metavar="NAME", help="only these (the experiment's)")
    add("--channels", nargs="+", default=[], metavar="KIND", help="only these (all)")
    add("--snr", nargs="+", type=options.decibels, default=[], metavar="DB", help="Es/N0 (the size's)")
    add("--seed", type=options.natural, default=0, metavar="N", help="of the channels (0)")
    add("--jobs", type=options.positive, default=os.cpu_count(), metavar="N", help="processes (one a core)")
    add("--scheduler", metavar="ADDRESS", help="of dask.distributed, to use its workers")
    add("--out", metavar="DIR", help="for the results (work/bench); of check: where they are (the published ones)")


def run(args: argparse.Namespace) -> int:
    """`deepsc bench`."""
    try:
        from deepsc_bench import command
        from deepsc_bench.errors import BenchError

        with refused(BenchError):
            done = command.run(args)
    except ModuleNotFoundError as error:
        raise HostError(f"{error.name} is missing: install with pip install '.[bench]'") from None
    return DONE if done else SOME_FAILED
