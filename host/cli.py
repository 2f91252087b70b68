"""The command `deepsc`: its options and its help. What a subcommand does is in the module of its name."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from gr_deepsc.addresses import AUDIO_ADDRESS, RESULT_ADDRESS
from gr_deepsc.profiles import DEFAULT, PROFILES

from .errors import SETUP_FAILED, HostError

CHANNELS = ("awgn", "rayleigh", "rician", "none")

DESCRIPTION = """\
Speech in, meaning over the air, text out: DeepSC-ST on GNU Radio.

With no radio and nothing running, try `deepsc simulate RECORDING`.
With a flowgraph: `deepsc flowgraph run sim_fading` in one terminal, `deepsc receive` in a second one,
`deepsc send RECORDING` in a third. When something does not work: `deepsc doctor`.
"""

EXIT_STATUS = """\
EXIT STATUS
  0    all went well
  1    something failed: a recording, an utterance, a check; all else was still done
  2    nothing could be done: bad options, no model, no flowgraph at the address, GNU Radio missing
"""

SIMULATE = """\
Send recordings through transmitter, channel and receiver in one GNU Radio flowgraph, in this process.

Recordings: wav, flac, ogg, opus, ...; 8 to 192 kHz, mono or stereo, 0.1 to 60 s of speech each. The channel
is the paper's block-fading one (one fading coefficient for 128 symbols, known to the receiver); its noise and
fading follow from --seed and the place of the file in the call, so the same call gives the same text.
"""

SIMULATE_EXAMPLES = """\
OUTPUT
  One block a file to read, or with --json one object a line with the keys: file, text, channel, es_n0_db,
  seed, n_symbols, symbols_per_second (of speech), rtf (processing time / speech time), user_id, lost, error
  (null or a sentence), and error_type, confidence, seconds, snr_3khz_db, cn0_dbhz, model. SNR is given as
  Es/N0 per complex symbol; SNR in 3 kHz and C/N0 are for symbols sent as fast as the speech makes them.

EXAMPLES
  deepsc simulate hello.wav
  deepsc simulate --channel rician --snr 8 --json *.flac
  deepsc simulate --model compact --channel none --out results/ speech.opus
"""

SEND = """\
Send recordings, or what the microphone hears, to a running flowgraph.

The microphone's audio is cut into utterances at its pauses. Ctrl-C ends it.
"""

SEND_EXAMPLES = """\
EXAMPLES
  deepsc send hello.wav
  deepsc send --wait hello.wav goodbye.flac      # and print what came back
  deepsc send --mic --wait                       # speak
"""

RECEIVE = """\
Print the texts that a running flowgraph recognises, one a line, until Ctrl-C.
"""

RECEIVE_EXAMPLES = """\
EXAMPLES
  deepsc receive
  deepsc receive --json --count 2 --timeout 30
"""

FLOWGRAPH = """\
List, run, compile or open the flowgraphs that come with gr-deepsc; NAME may also be a .grc file.

Only a GRC started through this command finds gr-deepsc's blocks and this Python environment by itself.
Generated Python goes to ~/.cache/deepsc, never into the checkout.
"""

FLOWGRAPH_EXAMPLES = """\
EXAMPLES
  deepsc flowgraph list
  deepsc flowgraph run sim_fading -- --channel rician --es-n0-db 8
  deepsc flowgraph run sim_fading -- --help      # what the flowgraph can be told
  deepsc flowgraph open sim_gui
"""

DOCTOR = """\
Check what gr-deepsc needs: GNU Radio, NumPy, the blocks, the models and their hashes, audio devices, ports.
Says of each how to mend it. Exit status 0 when all that is necessary is there.
"""

KEYS = """\
Make the CURVE keys that `send`, `receive` and the link blocks need to talk to another machine.

FOLDER gets a key pair of the server (the flowgraph) and one of a client; FOLDER/clients holds the public keys
of those who may connect. Copy server.key, client.key and client.key_secret to the client's machine, no more.
"""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=110)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="deepsc", description=DESCRIPTION, epilog=EXIT_STATUS, formatter_class=_Formatter
    )
    top.add_argument("--version", action="version", version=_version())
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, summary: str, description: str, examples: str = "") -> argparse.ArgumentParser:
        epilog = f"{examples}\n{EXIT_STATUS}" if examples else EXIT_STATUS
        return commands.add_parser(
            name, help=summary, description=description, epilog=epilog, formatter_class=_Formatter
        )

    _simulate(
        command("simulate", "recordings through a simulated channel, in one go", SIMULATE, SIMULATE_EXAMPLES)
    )
    _send(command("send", "recordings or the microphone to a running flowgraph", SEND, SEND_EXAMPLES))
    _receive(command("receive", "print what a running flowgraph recognises", RECEIVE, RECEIVE_EXAMPLES))
    _flowgraph(
        command(
            "flowgraph", "list, run, compile or open the shipped flowgraphs", FLOWGRAPH, FLOWGRAPH_EXAMPLES
        )
    )
    _doctor(command("doctor", "check the installation", DOCTOR))
    keys = command("keys", "make keys to talk to another machine", KEYS)
    keys.add_argument("folder", metavar="FOLDER", help="new folder for the keys")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own); returns the exit status."""
    args = parser().parse_args(argv)
    try:
        module = {"flowgraph": "flowgraphs"}.get(args.command, args.command)
        status = importlib.import_module(f".{module}", __package__).run(args)
        sys.stdout.flush()
        return status
    except HostError as error:
        print(f"deepsc: {error}", file=sys.stderr)
        return SETUP_FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"gr-deepsc {version('gr-deepsc')}"
    except PackageNotFoundError:
        return "gr-deepsc (not installed)"


def _simulate(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="recording of speech")
    command.add_argument(
        "--model",
        default="default",
        metavar="NAME|DIR",
        help="default, compact, or a folder of models (default)",
    )
    command.add_argument("--channel", choices=CHANNELS, default="awgn", help="kind of channel (awgn)")
    command.add_argument(
        "--snr", type=_decibels, default=20.0, metavar="DB", help="Es/N0 a complex symbol (20)"
    )
    command.add_argument("--rician-k", type=_rician_k, default=1.0, metavar="K", help="Rician K factor (1)")
    command.add_argument(
        "--csi",
        choices=("estimated", "ideal"),
        default="estimated",
        help="whole modem, or symbol by symbol with h and N0 told to the receiver (estimated)",
    )
    command.add_argument("--cfo-hz", type=_hertz, default=0.0, metavar="HZ", help="carrier offset (0)")
    command.add_argument("--clock-ppm", type=_ppm, default=0.0, metavar="PPM", help="sample clock offset (0)")
    command.add_argument(
        "--delay-samples", type=_samples, default=0.0, metavar="N", help="delay in samples, 4 a symbol (0)"
    )
    command.add_argument(
        "--profile",
        choices=tuple(PROFILES),
        default=DEFAULT,
        help=f"what radio the symbol rate is for ({DEFAULT})",
    )
    command.add_argument("--symbol-rate", type=_rate, metavar="HZ", help="symbols a second (the profile's)")
    command.add_argument("--seed", type=_natural, default=0, metavar="N", help="of the channel (0)")
    _user_id(command)
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.add_argument("--out", metavar="DIR", help="write NAME.txt and NAME.json of each FILE there")
    command.add_argument(
        "--transcripts",
        metavar="CSV",
        help="true texts, lines of NAME|TEXT, to show beside the received ones",
    )


def _send(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="*", metavar="FILE", help="recording of speech")
    command.add_argument("--mic", action="store_true", help="send what the microphone hears")
    command.add_argument(
        "--device", metavar="NAME|N", help="audio device of --mic; `deepsc doctor` lists them"
    )
    command.add_argument("--seconds", type=_seconds, metavar="S", help="stop --mic after S seconds")
    command.add_argument(
        "--address", default=AUDIO_ADDRESS, help=f"of the flowgraph's Audio Link ({AUDIO_ADDRESS})"
    )
    command.add_argument("--wait", action="store_true", help="wait for the results and print them")
    command.add_argument(
        "--result-address",
        default=RESULT_ADDRESS,
        metavar="ADDRESS",
        help=f"for --wait: its Result Link ({RESULT_ADDRESS})",
    )
    command.add_argument("--json", action="store_true", help="for --wait: one JSON object a line")
    command.add_argument(
        "--timeout", type=_seconds, default=10.0, metavar="S", help="patience with the flowgraph (10)"
    )
    _user_id(command)
    _curve_key(command)


def _receive(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--address", default=RESULT_ADDRESS, help=f"of the flowgraph's Result Link ({RESULT_ADDRESS})"
    )
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.add_argument("--count", type=_positive, metavar="N", help="stop after N results")
    command.add_argument(
        "--timeout",
        type=_seconds,
        metavar="S",
        help="give up after S seconds without a result (never; without a flowgraph: 10)",
    )
    _curve_key(command)


def _flowgraph(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="name and title of each")
    for action, summary in (
        ("run", "compile if need be, and run; options of the flowgraph after --"),
        ("compile", "compile and print where the Python program lies"),
        ("open", "in GNU Radio Companion"),
    ):
        sub = actions.add_parser(action, help=summary)
        sub.add_argument("name", metavar="NAME", help="of `deepsc flowgraph list`, or a .grc file")
        if action == "run":
            sub.add_argument(
                "options", nargs=argparse.REMAINDER, metavar="-- OPTIONS", help="for the flowgraph"
            )


def _doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object a check")


def _user_id(command: argparse.ArgumentParser) -> None:
    command.add_argument("--user-id", type=_user, default=0, metavar="N", help="of the speaker, 0..65535 (0)")


def _curve_key(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--curve-key", default="", metavar="DIR", help="keys of `deepsc keys`, for another machine's address"
    )


def _number(text: str, kind: type, low: float, high: float) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:  # NaN fails the comparison
        noun = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"{text!r} is not {noun} from {low:g} to {high:g}")
    return value


def _decibels(text: str) -> float:
    return _number(text, float, -100, 100)


def _rician_k(text: str) -> float:
    return _number(text, float, 0, 1e6)


def _seconds(text: str) -> float:
    return _number(text, float, 0, 1e6)


def _hertz(text: str) -> float:
    return _number(text, float, -1e9, 1e9)


def _ppm(text: str) -> float:
    return _number(text, float, -10_000, 10_000)


def _samples(text: str) -> float:
    return _number(text, float, 0, 1e7)


def _rate(text: str) -> float:
    return _number(text, float, 1, 1e9)


def _natural(text: str) -> int:
    return int(_number(text, int, 0, 2**31 - 1))


def _positive(text: str) -> int:
    return int(_number(text, int, 1, 2**31 - 1))


def _user(text: str) -> int:
    return int(_number(text, int, 0, 65535))
