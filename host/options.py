"""Options that several commands have, and the numbers that options are."""

import argparse
import sys
from collections.abc import Callable

from gr_deepsc.codec.rates import AUTO, CHOICES, TARGET_DB, rate_for, sentence
from gr_deepsc.codec.rates import DEFAULT as RATE
from gr_deepsc.ctc import DECODERS
from gr_deepsc.phy.framer import CHOICES as PREAMBLES
from gr_deepsc.radio.profiles import DEFAULT as PROFILE
from gr_deepsc.radio.profiles import PROFILES
from gr_deepsc.reader import AUTO as BY_MODEL
from gr_deepsc.reader import READERS

CHANNELS = ("awgn", "rayleigh", "rician", "none")


def number(kind: type, low: float, high: float) -> Callable[[str], float]:
    """The type of an option that is a number of a `kind` from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:  # NaN fails the comparison
            noun = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {noun} from {low:g} to {high:g}")
        return value

    return parse


decibels = number(float, -100, 100)
seconds = number(float, 0, 1e6)
hertz = number(float, -1e9, 1e9)
symbols = number(float, 1, 1e9)
natural = number(int, 0, 2**31 - 1)
positive = number(int, 1, 2**31 - 1)


def model(command: argparse.ArgumentParser) -> None:
    """--model."""
    help = "default, compact, or a folder of models (default)"
    command.add_argument("--model", default="default", metavar="NAME|DIR", help=help)


def decoder(command: argparse.ArgumentParser) -> None:
    """--decoder."""
    help = f"the likeliest letters, or a search with a language model ({DECODERS[0]}: greedy for --rate paper only)"
    command.add_argument("--decoder", choices=DECODERS, default=DECODERS[0], help=help)


def reader(command: argparse.ArgumentParser) -> None:
    """--reader."""
    help = f"Whisper's own decoder, with a beam or greedy, or CTC with a language model ({BY_MODEL}: by the model)"
    command.add_argument("--reader", choices=READERS, default=BY_MODEL, help=help)


def rate(command: argparse.ArgumentParser) -> None:
    """--rate, --target-snr."""
    everything = ", ".join(f"{sentence(each)[1].symbols / 5:.0f}" for each in CHOICES if each != AUTO)
    help = (
        "symbols of payload a second of speech, auto for --target-snr, or the paper's own codec, 500; with preamble, "
        f"header and pilots, in a sentence of 5 s: {everything} ({RATE})"
    )
    command.add_argument("--rate", choices=CHOICES, default=RATE, help=help)
    help = f"for --rate {AUTO}: Es/N0 of the weakest receiver ({TARGET_DB:g})"
    command.add_argument("--target-snr", type=decibels, default=TARGET_DB, metavar="DB", help=help)


def tell_rate(args: argparse.Namespace) -> None:
    """Say on stderr what --rate auto comes to."""
    if args.rate == AUTO:
        chosen = f"{rate_for(args.target_snr)} symbols/s of payload, for Es/N0 {args.target_snr:g} dB and more"
        print(f"deepsc: --rate {AUTO}: {chosen} (--target-snr)", file=sys.stderr, flush=True)


def preamble(command: argparse.ArgumentParser) -> None:
    """--preamble."""
    help = "long: for channels that fade; short: saves air time at --rate 130 (the profile's: auto, or long for audio)"
    command.add_argument("--preamble", choices=PREAMBLES, help=help)


def path(command: argparse.ArgumentParser, channel: str) -> None:
    """Options of a simulated radio path, and whose voice goes over it; `channel` is the default."""
    add = command.add_argument
    add("--channel", choices=CHANNELS, default=channel, help=f"kind of channel ({channel})")
    add("--snr", type=decibels, default=20.0, metavar="DB", help="Es/N0 a complex symbol of the payload (20)")
    add("--rician-k", type=number(float, 0, 1e6), default=1.0, metavar="K", help="Rician K factor (1)")
    add("--cfo-hz", type=hertz, default=0.0, metavar="HZ", help="carrier offset (0)")
    add("--drift-hz-s", type=hertz, default=0.0, metavar="HZ/S", help="drift of the carrier, Hz a second (0)")
    ppm, samples = number(float, -10_000, 10_000), number(float, 0, 1e6)
    add("--clock-ppm", type=ppm, default=0.0, metavar="PPM", help="sample clock offset (0)")
    add("--delay-samples", type=samples, default=0.0, metavar="N", help="delay in samples, 4 a symbol (0)")
    add("--seed", type=natural, default=0, metavar="N", help="of the channel (0)")
    symbol_rate(command)
    user_id(command)


def symbol_rate(command: argparse.ArgumentParser) -> None:
    """--symbol-rate."""
    command.add_argument("--symbol-rate", type=symbols, metavar="HZ", help="symbols a second (the profile's)")


def file_profile(command: argparse.ArgumentParser) -> None:
    """--profile of a file of samples."""
    help = f"symbol rate, sample rate and carrier of the file (audio for .wav, else {PROFILE})"
    command.add_argument("--profile", choices=tuple(PROFILES), help=help)


def user_id(command: argparse.ArgumentParser) -> None:
    """--user-id."""
    user = number(int, 0, 65535)
    command.add_argument("--user-id", type=user, default=0, metavar="N", help="of the speaker, 0..65535 (0)")


def voices(command: argparse.ArgumentParser) -> None:
    """--voices."""
    help = "folder of voices (the shipped ones, and those of `deepsc register`)"
    command.add_argument("--voices", default="", metavar="DIR", help=help)


def audio_output(command: argparse.ArgumentParser) -> None:
    """--play, --device."""
    command.add_argument("--play", action="store_true", help="speak what was recognised")
    command.add_argument("--device", metavar="NAME", help="audio output for --play (the system's default)")


def curve_key(command: argparse.ArgumentParser) -> None:
    """--curve-key."""
    help = "keys of `deepsc keys`, for another machine's address"
    command.add_argument("--curve-key", default="", metavar="DIR", help=help)


def transcripts(command: argparse.ArgumentParser, use: str) -> None:
    """--transcripts."""
    command.add_argument("--transcripts", metavar="CSV", help=f"true texts, lines of NAME|TEXT, {use}")


def json(command: argparse.ArgumentParser) -> None:
    """--json."""
    command.add_argument("--json", action="store_true", help="one JSON object a line")
