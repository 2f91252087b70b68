"""`deepsc play`: files of samples to text."""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np
from tqdm import tqdm

from gr_deepsc.chain import Receiver
from gr_deepsc.codec.decode import Decoder
from gr_deepsc.radio.iqfile import IqFileError
from gr_deepsc.result import Result

from .. import options
from ..errors import DONE, SOME_FAILED, loading
from ..files.baseband import BasebandReader, profile_of
from ..graph.gnuradio import import_gnuradio, stdout_for_results
from ..show.report import as_line, describe_estimates, name_error, say, text

DESCRIPTION = """\
Find and decode the bursts in recordings of a radio, made by anything; needs no GNU Radio.

NAME.sigmf-meta or NAME.sigmf-data: complex samples of any SigMF datatype at any rate that leaves room for the
signal. NAME.wav: what a single-sideband receiver gives out, the signal about 1500 Hz. Any length will do.
"""

EXAMPLES = """\
OUTPUT
  One line an utterance, or with --json one object: docs/results.md tells its keys. Files that cannot be read
  and files without a burst (not_detected) are such results, too, and make the exit status 1.

EXAMPLES
  deepsc play hello.sigmf-meta
  deepsc play --profile hackrf hackrf.sigmf-meta
  deepsc play --json ssb.wav
  deepsc play --through-gnuradio hello.sigmf-meta     # the same by the blocks of a flowgraph
"""


class Ear(Protocol):
    """What makes results of the modem's samples: `chain.Receiver`, or a flowgraph."""

    def push(self, samples: np.ndarray) -> list[Result]:
        """The results that these samples completed."""

    def flush(self) -> list[Result]:
        """The file has ended: the results that were still to come."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc play`."""
    add = command.add_argument
    add("files", nargs="+", metavar="FILE", help="SigMF recording, or wav of the audio band")
    options.model(command)
    options.decoder(command)
    options.file_profile(command)
    options.symbol_rate(command)
    add("--offset-hz", type=options.hertz, metavar="HZ", help="of the signal from the file's centre (the profile's)")
    add("--through-gnuradio", action="store_true", help="by the blocks of a GNU Radio flowgraph")
    options.json(command)


def run(args: argparse.Namespace) -> int:
    """`deepsc play`."""
    if args.through_gnuradio:
        import_gnuradio()
        from ..graph.receiving import FlowgraphReceiver

        with stdout_for_results():
            return _run(args, lambda symbol_rate: FlowgraphReceiver(args.model, symbol_rate, args.decoder))
    with loading(f"the model {args.model}"):
        decoder = Decoder(args.model, decoder=args.decoder)
    return _run(args, lambda symbol_rate: Receiver(decoder, symbol_rate))


def _run(args: argparse.Namespace, receiver: Callable[[float], Ear]) -> int:
    status = DONE
    for path in args.files:
        for result in play(path, args, receiver):
            _show(result, args.json)
            if result.lost or result.error:
                status = SOME_FAILED
    return status


def play(path: str, args: argparse.Namespace, receiver: Callable[[float], Ear]) -> Iterator[Result]:
    """The results of one file, in order of time; a file that cannot be read or has nothing in it is one, too."""
    profile, any_came = profile_of(path, args.profile), False
    symbol_rate = args.symbol_rate or profile.symbol_rate
    offset = profile.offset if args.offset_hz is None else args.offset_hz
    nothing = Result(file=str(path), model=args.model, lost=True)
    try:
        reader = BasebandReader(path, symbol_rate, offset)
        for found in _pieces(reader, receiver(symbol_rate)):
            for each in found:
                any_came = True
                yield replace(each, file=str(path), model=args.model)
    except IqFileError as error:
        any_came = True
        yield nothing.failed(error.error_type, str(error))
    if not any_came:
        yield replace(nothing, detected=False).failed(
            "not_detected",
            f"{path}: no burst was found at {symbol_rate:g} symbols a second, {offset:g} Hz from the centre; "
            "see --profile, --symbol-rate and --offset-hz",
        )


def _pieces(reader: BasebandReader, receiver: Ear) -> Iterator[list[Result]]:
    quiet = not sys.stderr.isatty()
    with tqdm(total=reader.sample_count, unit="S", unit_scale=True, leave=False, disable=quiet) as bar:
        for read, samples in reader.chunks():
            yield receiver.push(samples)
            bar.update(read)
        yield receiver.flush()


def _show(result: Result, as_json: bool) -> None:
    if as_json:
        say(as_line(result), sys.stdout)
        return
    if not result.lost:
        about = f"user {result.user_id}, {describe_estimates(result)}"
        say(f"{result.time_s:9.3f} s  {text(result)}  [{about}]", sys.stdout)
    if result.error:
        at = "" if result.time_s is None else f" (at {result.time_s:.3f} s)"
        say(f"deepsc: {name_error(result.file, result.error)}{at}", sys.stderr)
