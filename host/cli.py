"""The command `deepsc`: its options and its help. What a subcommand does is in the module of its name."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from gr_deepsc.codec.rates import AUTO, CHOICES, TARGET_DB
from gr_deepsc.codec.rates import DEFAULT as RATE
from gr_deepsc.ctc import DECODERS
from gr_deepsc.link.addresses import AUDIO_ADDRESS, RESULT_ADDRESS
from gr_deepsc.radio.profiles import DEFAULT, PROFILES
from gr_deepsc.voice.vocoders import DEFAULT as VOCODER
from gr_deepsc.voice.vocoders import VOCODERS

from . import manual
from .errors import SETUP_FAILED, HostError

CHANNELS = ("awgn", "rayleigh", "rician", "none")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=110)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="deepsc", description=manual.DESCRIPTION, epilog=manual.EXIT_STATUS, formatter_class=_Formatter
    )
    top.add_argument("--version", action="version", version=_version())
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, summary: str, description: str, examples: str = "") -> argparse.ArgumentParser:
        epilog = f"{examples}\n{manual.EXIT_STATUS}" if examples else manual.EXIT_STATUS
        return commands.add_parser(
            name, help=summary, description=description, epilog=epilog, formatter_class=_Formatter
        )

    _simulate(
        command(
            "simulate",
            "recordings through a simulated channel, in one go",
            manual.SIMULATE,
            manual.SIMULATE_EXAMPLES,
        )
    )
    _record(
        command(
            "record",
            "recordings to a file of samples, as a radio sends them",
            manual.RECORD,
            manual.RECORD_EXAMPLES,
        )
    )
    _play(command("play", "a file of samples to text", manual.PLAY, manual.PLAY_EXAMPLES))
    _send(
        command(
            "send", "recordings or the microphone to a running flowgraph", manual.SEND, manual.SEND_EXAMPLES
        )
    )
    _receive(
        command(
            "receive",
            "print, play or save what a running flowgraph recognises",
            manual.RECEIVE,
            manual.RECEIVE_EXAMPLES,
        )
    )
    _flowgraph(
        command(
            "flowgraph",
            "list, run, compile or open the shipped flowgraphs",
            manual.FLOWGRAPH,
            manual.FLOWGRAPH_EXAMPLES,
        )
    )
    _say(command("say", "speak a text in a registered user's voice", manual.SAY, manual.SAY_EXAMPLES))
    voices = command("voices", "list the registered users' voices", manual.VOICES)
    voices.add_argument("--json", action="store_true", help="one JSON object a line")
    _voices(voices)
    _bench(command("bench", "the paper's experiments", manual.BENCH, manual.BENCH_EXAMPLES))
    _doctor(command("doctor", "check the installation", manual.DOCTOR))
    keys = command("keys", "make keys to talk to another machine", manual.KEYS)
    keys.add_argument("folder", metavar="FOLDER", help="new folder for the keys")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own); returns the exit status."""
    args = parser().parse_args(argv)
    try:
        module = {"voices": "say"}.get(args.command, args.command)
        status = importlib.import_module(f".commands.{module}", __package__).run(args)
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
    _model(command)
    _rate(command)
    _decoder(command)
    command.add_argument(
        "--csi",
        choices=("estimated", "ideal"),
        default="estimated",
        help="whole modem, or symbol by symbol with h and N0 told to the receiver (estimated)",
    )
    command.add_argument(
        "--profile",
        choices=tuple(PROFILES),
        default=DEFAULT,
        help=f"what radio the symbol rate is for ({DEFAULT})",
    )
    _path(command, "awgn")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.add_argument(
        "--out",
        metavar="DIR",
        help="write NAME.txt, NAME.json, NAME.received.wav and NAME.png (spectrograms) of each FILE there",
    )
    _audio_output(command)
    _voices(command)
    command.add_argument(
        "--transcripts",
        metavar="CSV",
        help="true texts, lines of NAME|TEXT, to show beside the received ones",
    )


def _path(command: argparse.ArgumentParser, channel: str) -> None:
    """Options of a simulated radio path, and whose voice goes over it."""
    command.add_argument("--channel", choices=CHANNELS, default=channel, help=f"kind of channel ({channel})")
    command.add_argument(
        "--snr", type=_decibels, default=20.0, metavar="DB", help="Es/N0 a complex symbol of the payload (20)"
    )
    command.add_argument("--rician-k", type=_rician_k, default=1.0, metavar="K", help="Rician K factor (1)")
    command.add_argument("--cfo-hz", type=_hertz, default=0.0, metavar="HZ", help="carrier offset (0)")
    command.add_argument("--clock-ppm", type=_ppm, default=0.0, metavar="PPM", help="sample clock offset (0)")
    command.add_argument(
        "--delay-samples", type=_samples, default=0.0, metavar="N", help="delay in samples, 4 a symbol (0)"
    )
    command.add_argument(
        "--symbol-rate", type=_symbols, metavar="HZ", help="symbols a second (the profile's)"
    )
    command.add_argument("--seed", type=_natural, default=0, metavar="N", help="of the channel (0)")
    _user_id(command)


def _record(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="recording of speech")
    command.add_argument(
        "--out", required=True, metavar="NAME", help="NAME.sigmf-meta, or NAME.wav for the audio band"
    )
    _model(command)
    _rate(command)
    _file_profile(command)
    command.add_argument(
        "--datatype",
        choices=("cf32_le", "ci16_le", "ci8"),
        default="cf32_le",
        help="of SigMF samples (cf32_le)",
    )
    command.add_argument(
        "--level",
        type=_level,
        default=-12.0,
        metavar="DB",
        help="mean power of the signal, dB of full scale (-12)",
    )
    command.add_argument(
        "--gap", type=_gap, default=0.1, metavar="S", help="silence before and behind an utterance (0.1)"
    )
    command.add_argument("--transcripts", metavar="CSV", help="true texts, lines of NAME|TEXT, for the marks")
    _path(command, "none")


def _play(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="SigMF recording, or wav of the audio band")
    _model(command)
    _decoder(command)
    _file_profile(command)
    command.add_argument(
        "--symbol-rate", type=_symbols, metavar="HZ", help="symbols a second (the profile's)"
    )
    command.add_argument(
        "--offset-hz", type=_hertz, metavar="HZ", help="of the signal from the file's centre (the profile's)"
    )
    command.add_argument(
        "--through-gnuradio", action="store_true", help="by the blocks of a GNU Radio flowgraph"
    )
    command.add_argument("--json", action="store_true", help="one JSON object a line")


def _model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model",
        default="default",
        metavar="NAME|DIR",
        help="default, compact, or a folder of models (default)",
    )


def _decoder(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--decoder",
        choices=DECODERS,
        default=DECODERS[0],
        help=f"the likeliest letters, or a beam search with a language model ({DECODERS[0]})",
    )


def _rate(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--rate",
        choices=CHOICES,
        default=RATE,
        help=f"symbols a second of speech, auto for --target-snr, or the paper's own codec ({RATE})",
    )
    command.add_argument(
        "--target-snr",
        type=_decibels,
        default=TARGET_DB,
        metavar="DB",
        help=f"for --rate {AUTO}: Es/N0 of the weakest receiver ({TARGET_DB:g})",
    )


def _file_profile(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--profile",
        choices=tuple(PROFILES),
        help=f"symbol rate, sample rate and carrier of the file (audio for .wav, else {DEFAULT})",
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
    command.add_argument("--out", metavar="DIR", help="write the speech there, as NUMBER-userID.wav")
    _audio_output(command)
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


def _say(command: argparse.ArgumentParser) -> None:
    command.add_argument("text", metavar="TEXT", help="what to say; - reads standard input")
    command.add_argument("--user-id", type=int, default=0, metavar="N", help="whose voice (0)")
    command.add_argument(
        "--vocoder",
        choices=tuple(VOCODERS),
        default=VOCODER,
        help=f"fast, or wavenet: slower than speech, or griffinlim: untrained ({VOCODER})",
    )
    command.add_argument("--speed", type=float, default=1.0, metavar="S", help="0.5 to 2 (1)")
    command.add_argument("--out", metavar="FILE", help="write a wav instead of playing it")
    command.add_argument("--device", metavar="NAME", help="audio output (the system's default)")
    _voices(command)
    command.add_argument("--json", action="store_true", help="one JSON object")


def _voices(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--voices",
        default="",
        metavar="DIR",
        help="folder of voices with users of your own (the shipped ones)",
    )


def _audio_output(command: argparse.ArgumentParser) -> None:
    command.add_argument("--play", action="store_true", help="speak what was recognised")
    command.add_argument("--device", metavar="NAME", help="audio output for --play (the system's default)")


def _bench(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", metavar="NAME", help="of an experiment")
    command.add_argument("--list", action="store_true", help="list the experiments and the systems")
    sizes = command.add_mutually_exclusive_group()
    for size, summary in (("quick", "minutes instead of an hour"), ("full", "many hours")):
        sizes.add_argument(f"--{size}", dest="size", action="store_const", const=size, help=summary)
    command.set_defaults(size="default")
    command.add_argument(
        "--corpus",
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders of corpora whose test splits to use (the checkout's three samples)",
    )
    command.add_argument("--utterances", type=_positive, metavar="N", help="so many of them (the size's)")
    command.add_argument(
        "--systems", nargs="+", default=[], metavar="NAME", help="only these (the experiment's)"
    )
    command.add_argument("--channels", nargs="+", default=[], metavar="KIND", help="only these (all)")
    command.add_argument(
        "--snr", nargs="+", type=_decibels, default=[], metavar="DB", help="Es/N0 (the size's)"
    )
    command.add_argument("--seed", type=_natural, default=0, metavar="N", help="of the channels (0)")
    command.add_argument(
        "--jobs", type=_positive, default=os.cpu_count(), metavar="N", help="processes (one a core)"
    )
    command.add_argument("--scheduler", metavar="ADDRESS", help="of dask.distributed, to use its workers")
    command.add_argument("--out", default="work/bench", metavar="DIR", help="for the results (work/bench)")


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
    return _number(text, float, 0, 1e6)


def _level(text: str) -> float:
    return _number(text, float, -60, 0)


def _gap(text: str) -> float:
    return _number(text, float, 0, 3600)


def _symbols(text: str) -> float:
    return _number(text, float, 1, 1e9)


def _natural(text: str) -> int:
    return int(_number(text, int, 0, 2**31 - 1))


def _positive(text: str) -> int:
    return int(_number(text, int, 1, 2**31 - 1))


def _user(text: str) -> int:
    return int(_number(text, int, 0, 65535))
