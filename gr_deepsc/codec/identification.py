"""A station's call sign as symbols: text that nobody has spoken, in a burst like any other.

It is spelt. The codec has learnt English, and makes other letters of a call sign's: it got 16 of 40 right at 20 dB.
Spelt, 25 of 25 were right at 20 dB and at 0 dB, with small letters (with capitals 20 at 0 dB).
"""

import re
from pathlib import Path

import numpy as np

from ..reader.said import Said
from ..session import PROVIDER
from .contextual import ContextualEncoder
from .letters import letters
from .rates import RATES

# ITU Radio Regulations, article 19: a prefix with a letter in it, a digit, up to four characters of which the last is
# a letter; before or behind it what tells where the station is.
CALL = re.compile(r"([A-Z0-9]{1,4}/)?[A-Z0-9]{1,3}[0-9][A-Z0-9]{0,3}[A-Z](/[A-Z0-9]{1,4})*")

# ITU Radio Regulations, appendix 14, as English writes the words.
_SPELT = """
alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra
tango uniform victor whiskey x-ray yankee zulu zero one two three four five six seven eight nine stroke
"""
_WORDS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/", _SPELT.split(), strict=True))


def check(call: str) -> str:
    """The call sign in capitals.

    Raises:
        ValueError: it is none.
    """
    if not CALL.fullmatch(call.upper()):
        raise ValueError(f"{call!r} is no call sign, such as DL1ABC or DL1ABC/P")
    return call.upper()


class Identification:
    """What identifies a station, encoded once: at the most robust rate, whatever the speech is sent at.

    Attributes:
        text: what receivers read.
        symbols: complex64 [20 * frames], E|x|^2 = 1.
        codec: for the header.
    """

    def __init__(self, call: str, model: str | Path = "default", provider: str = PROVIDER) -> None:
        """Errors as of `check` and `ContextualEncoder`."""
        self.text = "this is " + " ".join(_WORDS[character] for character in check(call))
        said = Said(self.text, np.ones(len(self.text), np.float32))
        self.symbols, self.codec = ContextualEncoder(model, provider)(letters(said), max(RATES))
