"""What a run was asked for, in the words of `deepsc simulate`: its options, checked by the same parser."""

import argparse
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from gr_deepsc.codec import rates
from gr_deepsc.ctc import DECODERS
from gr_deepsc.phy.framer import CHOICES as PREAMBLES
from gr_deepsc.radio.profiles import DEFAULT, PROFILES, Profile
from gr_deepsc.reader import READERS
from gr_deepsc.session import shipped
from gr_deepsc.simulation import CSI, Setting

from ..commands import simulate
from ..errors import HostError
from ..options import CHANNELS

LONGEST_TEXT = 20_000  # characters of what is said: ten minutes of it
RADIOS = {name: PROFILES[name] for name in (DEFAULT, "audio")}


class Wish(NamedTuple):
    """A run as it was asked for."""

    source: str  # of `Recordings`
    reference: str  # what is said in it; "" where nobody knows
    setting: Setting
    user_id: int
    profile: Profile
    details: bool  # voice, pictures and files as well, not only text and figures


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise HostError(message.removeprefix("argument --"))


def parse(asked: Any, model: str) -> Wish:
    """A request's JSON as a wish.

    Args:
        asked: an object of options without their dashes, and `source`, `reference`, `details`.
        model: the one that is not shipped but may be asked for.

    Raises:
        HostError: a sentence that says what is wrong.
    """
    if not isinstance(asked, Mapping) or not all(isinstance(v, str | int | float) for v in asked.values()):
        raise HostError("a run is asked for by an object of options and their values")
    rest = dict(asked)
    source, reference = str(rest.pop("source", "")), " ".join(str(rest.pop("reference", "")).split())
    details = bool(rest.pop("details", True))
    if len(reference) > LONGEST_TEXT:
        raise HostError(f"what is said may have {LONGEST_TEXT} characters")
    if odd := [name for name in rest if not re.fullmatch("[a-z][a-z-]*", name)]:
        raise HostError(f"there is no option {odd[0][:40]!r}")
    args = _parser().parse_args([f"--{name}={value}" for name, value in rest.items()])
    if args.model not in models(model):
        raise HostError(f"model: choose {' or '.join(models(model))}")
    if args.profile not in RADIOS:
        raise HostError(f"profile: choose {' or '.join(RADIOS)}")
    return Wish(source, reference, simulate.setting_of(args), args.user_id, RADIOS[args.profile], details)


def speech(asked: Any) -> tuple[str, int]:
    """The source and the user ID of what is to be sent into a flowgraph.

    Raises:
        HostError: a sentence that says what is wrong.
    """
    user_id = asked.get("user-id", 0) if isinstance(asked, Mapping) else None
    if not (isinstance(user_id, int) and 0 <= user_id <= 65535 and isinstance(asked.get("source"), str)):
        raise HostError("speech is sent by an object of source and user-id (0 to 65535)")
    return asked["source"], user_id


def defaults() -> dict[str, Any]:
    """Of all options, as the command line has them; None where the profile decides."""
    return {name.replace("_", "-"): value for name, value in vars(_parser().parse_args([])).items()}


def _parser() -> _Parser:
    parser = _Parser("deepsc", add_help=False, allow_abbrev=False)
    simulate.add_setting(parser)
    return parser


def models(model: str) -> list[str]:
    """What may be asked for: the shipped ones, and the one that the server was started with, first."""
    return list(dict.fromkeys([model, *reversed(shipped())]))


def choices(model: str) -> dict[str, list[str]]:
    """Of options that have some; the first one is not always the default."""
    return {
        "model": models(model),
        "channel": list(CHANNELS),
        "rate": list(rates.CHOICES),
        "preamble": list(PREAMBLES),
        "reader": list(READERS),
        "decoder": list(DECODERS),
        "csi": list(CSI),
        "profile": list(RADIOS),
    }
