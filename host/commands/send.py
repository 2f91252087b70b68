"""`deepsc send`: recordings or the microphone to a running flowgraph."""

import argparse
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial

import zmq

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.link.addresses import AUDIO_ADDRESS, RESULT_ADDRESS
from gr_deepsc.speech import audio
from gr_deepsc.speech.segment import PARTIAL_S

from .. import options
from ..errors import DONE, SOME_FAILED, HostError
from ..files.recordings import recordings
from ..link.results import ResultReader, unreadable
from ..link.sender import Sender
from ..show.report import complain, name_error, show
from ..show.status import Status, meter
from ..sound.microphone import Spoken, utterances

DESCRIPTION = """\
Send recordings, or what the microphone hears, to a running flowgraph.

The microphone's audio is cut into utterances at its pauses, and so are recordings of more than 28 s, to 10
minutes. Speak once it says that it is listening; a terminal shows the level. While you speak, words are read
and sent about every 1.5 s: a burst each time, which takes more air time. --whole waits for the end of the
utterance instead, as one does on slow links (the audio profile). Ctrl-C ends it.

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
    add("--whole", action="store_true", help="with --mic: send an utterance once it has ended, not while it is spoken")
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
    status, answered, unread, line, so_far = DONE, 0, 0, Status(), ""

    def read(reader: ResultReader, timeout_s: float) -> bool:
        """True where something came of an utterance."""
        nonlocal status, answered, unread, so_far
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
        so_far = result.text if result.partial else ""
        if args.json or not result.partial:
            show(result, args.json)
        if result.partial:
            return True
        answered += 1
        if result.lost or result.error:
            status = SOME_FAILED
        return True

    for name, source in _sources(args):
        if isinstance(source, float):
            line(f"{meter(source)}  {so_far}")
        else:
            try:
                if isinstance(source, audio.AudioError):
                    raise source
                samples = audio.check(source.samples, source.sample_rate)
                seq = sender.send(samples, source.whole)
                if reader:
                    reader.expect(seq)
                if source.whole:
                    complain(f"sent {name}: {len(samples) / SAMPLE_RATE:.1f} s as {sender.session}#{seq}")
            except audio.AudioError as error:
                if isinstance(source, Spoken) and source.whole:
                    sender.drop()
                if not isinstance(source, Spoken) or source.whole:
                    complain(name_error(name, str(error)))
                    status = SOME_FAILED
        while reader and reader.waiting and read(reader, 0.0):
            pass
    line.close()
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


def _sources(args: argparse.Namespace) -> Iterator[tuple[str, Spoken | audio.AudioError | float]]:
    """What to call it, and the speech, or why there is none; in between the microphone's level in dBFS."""
    if args.mic:
        stop = threading.Event()

        def end(*_: object) -> None:  # a second Ctrl-C ends the process
            stop.set()
            signal.signal(signal.SIGINT, default)

        default = signal.signal(signal.SIGINT, end)
        ready = partial(complain, "listening; speak, and press Ctrl-C to end")
        every = 0.0 if args.whole else PARTIAL_S
        for utterance in utterances(args.device, args.seconds, stop, ready, every):
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
            yield f"{recording.path}{part}", Spoken(samples, recording.sample_rate, True)
