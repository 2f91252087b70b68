"""`deepsc bench`: the paper's experiments, which need packages that nothing else here does."""

import argparse

from ..errors import DONE, HostError


def run(args: argparse.Namespace) -> int:
    """`deepsc bench`."""
    try:
        from deepsc_bench import command
        from deepsc_bench.errors import BenchError

        try:
            command.run(args)
        except BenchError as error:
            raise HostError(str(error)) from None
    except ModuleNotFoundError as error:
        raise HostError(f"{error.name} is missing: install with pip install '.[bench]'") from None
    return DONE
