"""`deepsc receive`: what a running flowgraph recognises, on the terminal, as files and to the ear."""

import argparse
import itertools
import time
from dataclasses import replace
from pathlib import Path

import zmq

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.link.addresses import RESULT_ADDRESS
from gr_deepsc.link.protocol import Message

from .. import options
from ..errors import DONE, SOME_FAILED
from ..files import wav
from ..files.writer import make_folder
from ..link.results import ResultReader
from ..show.report import complain, show
from ..show.status import Status
from ..sound.player import Player

DESCRIPTION = """\
Print the texts that a running flowgraph recognises, one a line, until Ctrl-C. While somebody speaks the last
line of a terminal grows; --json gives a line each time it does, with "partial" true. Flowgraphs with a Speech
Synthesizer send speech as well: --play plays it, --out saves it.
"""

EXAMPLES = """\
EXAMPLES
  deepsc receive
  deepsc receive --play --out received/
  deepsc receive --json --count 2 --timeout 30
"""

PATIENCE = 10.0  # s without a flowgraph, where --timeout does not say otherwise


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc receive`."""
    add = command.add_argument
    add("--address", default=RESULT_ADDRESS, help=f"of the flowgraph's Result Link ({RESULT_ADDRESS})")
    options.json(command)
    add("--count", type=options.positive, metavar="N", help="stop after N results")
    help = "give up after S seconds without a result (never; without a flowgraph: 10)"
    add("--timeout", type=options.seconds, metavar="S", help=help)
    add("--out", metavar="DIR", help="write the speech there, as NUMBER-userID.wav")
    options.audio_output(command)
    options.curve_key(command)


def run(args: argparse.Namespace) -> int:
    """`deepsc receive`."""
    folder = make_folder(args.out) if args.out else None
    player = Player(args.device) if args.play else None
    context = zmq.Context()
    try:
        reader = ResultReader(context, args.address, args.curve_key)
        reader.wait_for_peer(PATIENCE if args.timeout is None else args.timeout)
        complain(f"listening at {args.address}")
        return _take_results(reader, args, folder, player)
    finally:
        context.destroy(linger=0)
        if player:
            player.close()


def _take_results(reader: ResultReader, args: argparse.Namespace, folder: Path | None, player: Player | None) -> int:
    status, count, last, there, growing = DONE, 0, time.monotonic(), True, Status()
    while args.count is None or count < args.count:
        message = reader.read(0.2)
        if reader.peer.update() != there:
            there = not there
            complain("the flowgraph is back" if there else "the flowgraph went away; waiting for it")
        if message is not None:
            result, spoken = message.result, message.speech
            last = time.monotonic()
            growing("" if not result.partial else result.text)
            if result.partial:
                if args.json:
                    show(result, args.json)
                continue
            if folder and len(spoken):
                result = replace(result, speech=str(_save(folder, message)))
            show(result, args.json)
            if player and len(spoken):
                player(spoken, result.speech_rate or SAMPLE_RATE)
            count += 1
            if result.lost or result.error:
                status = SOME_FAILED
        elif args.timeout is not None and time.monotonic() - last > args.timeout:
            wanted = f" of {args.count}" if args.count else ""
            complain(f"{count}{wanted} results came, none in the last {args.timeout:g} s")
            return SOME_FAILED if args.count or not count else status
    return status


def _save(folder: Path, message: Message) -> Path:
    """Speech as NUMBER-userID.wav, a free number: over the air there is no name, and sequence numbers repeat."""
    number = next(n for n in itertools.count(1) if not any(folder.glob(f"{n:04d}-*.wav")))
    path = folder / f"{number:04d}-user{message.result.user_id}.wav"
    wav.write(path, message.speech, message.result.speech_rate or SAMPLE_RATE)
    return path
