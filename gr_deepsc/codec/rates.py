"""How many symbols a second of speech is sent as, and by what codec."""

import math

from ..framing import SYMBOL_RATE, SYMBOLS_PER_FRAME
from ..phy.framer import suiting
from ..phy.pieces import CODECS as PIECES
from ..phy.preamble import Preamble
from ..phy.units import OnAir
from ..phy.utterance import on_air

PACE = 15.4  # characters a second of speech, as texts are written; fast and slow speakers differ by a quarter
RATES = {520: 33, 260: 16, 130: 8}  # complex symbols of payload: a second of speech, at its usual pace -> a character
CODECS = {8 + k: rate for k, rate in enumerate(RATES)}  # the rate by its number in a burst's header
FORMER = {0: 520, 1: 260, 2: 130}  # of the codec that sent small letters only, which is still read
# All numbers in headers that there are: 4 to 7 are models' own codecs.
KNOWN = frozenset({*FORMER, 4, 5, 6, 7, *CODECS, *PIECES})
PAPER, AUTO = "paper", "auto"
CHOICES = (*map(str, RATES), AUTO, PAPER)  # of a rate, as text
DEFAULT = CHOICES[0]
TARGET_DB = 0.0  # Es/N0 for which `AUTO` chooses
# Es/N0 from which a rate's CER is within 0.02 of the highest rate's in fading, all estimated (bench/results.md).
LEAST_DB = {130: 6.0, 260: 0.0}


def of_codec(codec: int) -> int:
    """Nominal symbols a second of speech of a burst whose header has `codec`."""
    return (CODECS | FORMER).get(codec, SYMBOL_RATE)


def sentence(rate: str, seconds: float = 5.0, preamble: Preamble | None = None) -> tuple[int, OnAir]:
    """Symbols of payload of so many seconds of speech at `PACE`, and all that is sent of them.

    Args:
        rate: one of `CHOICES` but "auto".
        preamble: of the bursts; none is the one that suits the rate.
    """
    symbols = seconds * (SYMBOL_RATE if rate == PAPER else PACE * RATES[int(rate)])
    payload = SYMBOLS_PER_FRAME * math.ceil(symbols / SYMBOLS_PER_FRAME)
    codec = next((codec for codec, each in CODECS.items() if str(each) == rate), 0)
    return payload, on_air(payload, preamble or suiting(codec))


def rate_for(es_n0_db: float) -> int:
    """The lowest rate that is read about as well as the highest at `es_n0_db` and above."""
    return next((rate for rate, least in LEAST_DB.items() if es_n0_db >= least), int(DEFAULT))
