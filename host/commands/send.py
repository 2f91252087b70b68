"""`deepsc send`: recordings or the microphone to a running flowgraph."""

import argparse
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import zmq

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.link.addresses import AUDIO_ADDRESS, RESULT_ADDRESS
from gr_deepsc.speech import audio

from .. import options
from ..errors import DONE, SOME_FAILED, HostError
from ..files.recordings import recordings
from ..link.results import ResultReader, unreadable
from ..link.sender import Sender
from ..show.report import complain, name_error, show

DESCRIPTION = """\
Send recordings, or what the microphone hears, to a running flowgraph.

The microphone's audio is cut into utterances at its pauses, and so are recordings of more than 28 s, to 10
minutes. Speak once it says that it is listening. Ctrl-C ends it.

--wait prints one result an utterance. Over the air there is none where a burst is not heard. One that is heard
but cannot be read does not say whose it is: it is reported at once on stderr (with --json also as an object of
error_type header_crc, seq -1 and no session), and the wait goes on.
"""

EXAMPLES = """\
EXAMPLES
  deepsc send hello.wav
  deepsc send --wait hello.wav goodbye.flac      # and print what came back
  deepsc send --mic --wait                       # speak
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc send`."""
    add = command.add_argument
    add("files", nargs="*", metavar="FILE", help="recording of speech")
    add("--mic", action="store_true", help="send what the microphone hears")
    add("--device", metavar="NAME|N", help="audio device of --mic; `deepsc doctor` lists them")
    add("--seconds", type=options.seconds, metavar="S", help="stop --mic after S seconds")
    add("--address", default=AUDIO_ADDRESS, help=f"of the flowgraph's Audio Link ({AUDIO_ADDRESS})")
    add("--wait", action="store_true", help="wait for the results and print them")
    help = f"for --wait: its Result Link ({RESULT_ADDRESS})"
    add("--result-address", default=RESULT_ADDRESS, metavar="ADDRESS", help=help)
    add("--json", action="store_true", help="for --wait: one JSON object a line")
    add("--timeout", type=options.seconds, default=10.0, metavar="S", help="patience with the flowgraph (10)")
    options.user_id(command)
    options.curve_key(command)


def run(args: argparse.Namespace) -> int:
    """`deepsc send`."""
    if bool(args.files) == args.mic:
        raise HostError("give recordings to send, or --mic, not both" if args.mic else "give recordings, or --mic")
    context = zmq.Context()
    try:
        sender = Sender(context, args.address, args.user_id, args.timeout, args.curve_key)
        sender.wait_for_peer()
        reader = None
        if args.wait:
            reader = ResultReader(context, args.result_address, args.curve_key, sender.session, args.user_id)
            reader.wait_for_peer(args.timeout)
        status = _send_all(sender, reader, args)
        sender.close()
        if reader:
            reader.close()
        context.term()
        return status
    finally:
        context.destroy(linger=0)


def _send_all(sender: Sender, reader: ResultReader | None, args: argparse.Namespace) -> int:
    status, answered, unread = DONE, 0, 0

    def read(reader: ResultReader, timeout_s: float) -> bool:
        """True where an utterance was answered."""
        nonlocal status, answered, unread
        answer = reader.read(timeout_s)
        if answer is None:
            return False
        result = answer.result
        if unreadable(result):
            unread += 1
            complain(f"{_unread(1)}: {result.error}; it may be another sender's; still waiting")
            if args.json:
                show(result, args.json)
            return False
        show(result, args.json)
        answered += 1
        if result.lost or result.error:
            status = SOME_FAILED
        return True

    for name, source in _sources(args):
        if source is not None:
            try:
                if isinstance(source, audio.AudioError):
                    raise source
                samples = audio.check(*source)
                seq = sender.send(samples)
                if reader:
                    reader.expect(seq)
                complain(f"sent {name}: {len(samples) / SAMPLE_RATE:.1f} s as {sender.session}#{seq}")
            except audio.AudioError as error:
                complain(name_error(name, str(error)))
                status = SOME_FAILED
        while reader and answered < sender.sent and read(reader, 0.0):
            pass
    last = time.monotonic()
    while reader and answered < sender.sent:
        if read(reader, 0.2):
            last = time.monotonic()
        elif time.monotonic() - last > args.timeout:
            complain(
                f"no result for {sender.sent - answered} of {sender.sent} utterances in {args.timeout:g} s"
                + (f"; {_unread(unread)}: send again, with more power" if unread else "")
            )
            return SOME_FAILED
    return status


def _unread(bursts: int) -> str:
    return f"{bursts} burst{'s were' if bursts > 1 else ' was'} heard that could not be read"


def _sources(args: argparse.Namespace) -> Iterator[tuple[str, tuple[np.ndarray, int] | audio.AudioError | None]]:
    """What to call it, and samples with their rate, or why there are none; None while nothing is said."""
    if args.mic:
        from ..sound.microphone import utterances

        stop = threading.Event()

        def end(*_: object) -> None:  # a second Ctrl-C ends the process
            stop.set()
            signal.signal(signal.SIGINT, default)

        default = signal.signal(signal.SIGINT, end)
        ready = partial(complain, "listening; speak, and press Ctrl-C to end")
        for utterance in utterances(args.device, args.seconds, stop, ready):
            yield "an utterance", utterance
        return
    for recording in recordings(args.files):
        if recording.error:
            yield recording.path, recording.error
        if recording.warning:
            complain(f"{recording.path}: {recording.warning}")
        count = len(recording.utterances)
        for k, samples in enumerate(recording.utterances, 1):
            part = f" ({k} of {count})" if count > 1 else ""
            yield f"{recording.path}{part}", (samples, recording.sample_rate)
