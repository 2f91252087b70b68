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
from gr_deepsc.phy.pulse import SAMPLES_PER_SYMBOL
from gr_deepsc.radio.iqfile import IqFileError
from gr_deepsc.radio.profiles import PROFILES
from gr_deepsc.radio.recordings import Baseband, Hints, Recording, open_recording
from gr_deepsc.radio.recordings.baseband import tuned, usual
from gr_deepsc.radio.recordings.recording import KINDS
from gr_deepsc.result import Result

from .. import options
from ..errors import DONE, SOME_FAILED, loading
from ..graph.gnuradio import import_gnuradio, stdout_for_results
from ..show.report import as_line, complain, describe_estimates, name_error, say, text

DESCRIPTION = """\
Find and decode the bursts in recordings of a radio, made by anything; needs no GNU Radio.

SigMF, also as archive; I and Q in two channels of a wav; samples without a header (.cs8, .cu8, .cs16, .cf32,
rtl_sdr's .bin); and what a single-sideband receiver gives out, as wav, FLAC, MP3, Opus: at any rate that leaves
room for the signal, of any length. The content says what a file is. What `deepsc record` wrote says itself
where the signal is; otherwise it is looked for at 0 Hz in I and Q, at 1500 Hz in audio and narrow I and Q.
"""

EXAMPLES = """\
OUTPUT
  One line an utterance, or with --json one object: docs/results.md tells its keys. Files that cannot be read
  and files without a burst (not_detected) are such results, too, and make the exit status 1.

EXAMPLES
  deepsc play hello.sigmf-meta
  deepsc play --json ssb.wav
  deepsc play --frequency 433.92e6 sdrsharp_433670000Hz_IQ.wav    # wherever the receiver was tuned to
  deepsc play --sample-rate 2e6 --datatype ci8 --offset-hz 250e3 hackrf_transfer.iq
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
    add("files", nargs="+", metavar="FILE", help="recording of a radio's samples or audio")
    options.model(command)
    options.decoder(command)
    help = "where the signal is (as the file says; else audio where it is real or narrow, and usrp)"
    add("--profile", choices=tuple(PROFILES), help=help)
    add("--symbol-rate", type=options.symbols, metavar="HZ", help="symbols a second (as for --profile)")
    where = command.add_mutually_exclusive_group()
    help = "of the signal from the file's centre, in audio from 0 (as for --profile)"
    where.add_argument("--offset-hz", type=options.hertz, metavar="HZ", help=help)
    help = "of the signal on the air, where the file says what it was recorded at"
    where.add_argument("--frequency", type=options.number(float, 0, 1e12), metavar="HZ", help=help)
    help = "of samples without a header, or in place of what a file says"
    add("--sample-rate", type=options.number(float, 1, 1e12), metavar="HZ", help=help)
    help = "of samples without a header: ci8, cu8, ci16_le, cf32_le or another SigMF datatype (by name or content)"
    add("--datatype", metavar="TYPE", help=help)
    add("--from-channel", type=options.positive, metavar="N", help="of several, from 1 on (by content; SigMF: 1)")
    add("--read-as", choices=KINDS, help="two channels of sound: I and Q, or audio (by content)")
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
    nothing, any_came = Result(file=str(path), model=args.model, lost=True), False
    hints = Hints(args.sample_rate, args.datatype, args.from_channel, args.read_as)
    try:
        recording = open_recording(path, hints)
        symbol_rate, offset = _place(recording, args)
        reader = Baseband(recording, SAMPLES_PER_SYMBOL * symbol_rate, symbol_rate, offset)
        for found in _pieces(reader, receiver(symbol_rate)):
            for each in found:
                any_came = True
                warning = each.warning or "; ".join(recording.warnings) or None
                yield replace(each, file=str(path), model=args.model, warning=warning)
    except IqFileError as error:
        any_came = True
        yield nothing.failed(error.error_type, str(error))
    if not any_came:
        nothing = replace(nothing, detected=False, warning="; ".join(recording.warnings) or None)
        yield nothing.failed("not_detected", _not_detected(recording, symbol_rate, offset))


def _place(recording: Recording, args: argparse.Namespace) -> tuple[float, float]:
    """Symbol rate and offset from the centre, Hz, of the signal in a recording; IqFileError as of `tuned`."""
    profile = PROFILES[args.profile] if args.profile else usual(recording)
    symbol_rate, offset = args.symbol_rate or profile.symbol_rate, profile.offset
    if args.frequency is not None:
        offset = tuned(recording, args.frequency)
    return symbol_rate, offset if args.offset_hz is None else args.offset_hz


def _not_detected(recording: Recording, symbol_rate: float, offset: float) -> str:
    kind = "audio" if recording.real else "I and Q"
    centre = ""
    if recording.center_frequency and not recording.real:
        centre = f", which is {recording.center_frequency / 1e6:.10g} MHz: is the signal elsewhere, see --frequency"
    return (
        f"{recording.path}: no burst was found in {kind}, {recording.sample_rate:.10g} samples a second, at "
        f"{symbol_rate:g} symbols a second {offset:g} Hz from {'0' if recording.real else 'the centre'}{centre}; "
        "see --profile, --symbol-rate and --offset-hz"
    )


def _pieces(reader: Baseband, receiver: Ear) -> Iterator[list[Result]]:
    """Results as they come. What was received before a file breaks off is received; what was wrong with it, is said."""
    quiet = not sys.stderr.isatty()
    with tqdm(total=reader.recording.sample_count, unit="S", unit_scale=True, leave=False, disable=quiet) as bar:
        pieces = reader.chunks()
        while True:
            try:
                read, samples = next(pieces)
            except (IqFileError, StopIteration) as end:
                yield receiver.flush()
                if isinstance(end, IqFileError):
                    raise
                return
            finally:
                for warning in reader.recording.warnings.untold():
                    say(f"deepsc: warning: {warning}", sys.stderr)
            yield receiver.push(samples)
            bar.update(read)


def _show(result: Result, as_json: bool) -> None:
    if as_json:
        say(as_line(result), sys.stdout)
        return
    if not result.lost:
        about = f"user {result.user_id}, {describe_estimates(result)}"
        about += ", on the other sideband" if result.inverted else ""
        about += f", {result.realigned} samples lost on the way" if result.realigned else ""
        say(f"{result.time_s:9.3f} s  {text(result)}  [{about}]", sys.stdout)
    if result.error:
        at = "" if result.time_s is None else f" (at {result.time_s:.3f} s)"
        complain(f"{name_error(result.file, result.error)}{at}")
