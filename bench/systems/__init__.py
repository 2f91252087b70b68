"""The compared systems, by name."""

from collections.abc import Callable
from functools import partial

from gr_deepsc.codec.rates import PAPER as PAPER_RATE
from gr_deepsc.codec.rates import RATES

from ..system import System
from .blocks import PAPER, ROBUST
from .deepsc_st import DeepSC, GrDeepSC, PaperDeepSC
from .equal_symbols import EqualSymbols, GrEqualSymbols
from .feature import HALF, SINGLE, Feature
from .speech import KBITS_6_60, KBITS_19_85, Speech
from .sr_deepsc import SRDeepSC
from .text import Text

# What is shipped, and the rival: at every rate, with the channel known and behind the modem, which starts with "gr-".
_OURS = [
    ("deepsc", DeepSC, "Codec with context, {} symbols/s, CSI known"),
    ("gr-deepsc", GrDeepSC, "Codec with context, {} symbols/s, modem"),
    ("equal-symbols", EqualSymbols, "Rival (text, polar code), {} symbols/s, CSI known"),
    ("gr-equal-symbols", GrEqualSymbols, "Rival (text, polar code), {} symbols/s, modem"),
]

# Ours at every rate, the paper's conventional ones in two readings (see `blocks`), and the rival.
SYSTEMS: dict[str, Callable[[], System]] = {
    "deepsc-st-paper": PaperDeepSC,
    "deepsc-st": partial(DeepSC, "deepsc-st", "Default model's codec a frame at a time, CSI known", PAPER_RATE),
    "gr-deepsc": partial(GrDeepSC, "gr-deepsc", "Default model's codec a frame at a time, modem", PAPER_RATE),
    **{
        f"{name}-{rate}": partial(system, f"{name}-{rate}", label.format(rate), str(rate))
        for name, system, label in _OURS
        for rate in RATES
    },
    "sr-deepsc": SRDeepSC,
    "speech": partial(Speech, "speech", "Speech transceiver, rate 1/2", KBITS_19_85, PAPER),
    "text": partial(Text, "text", "Text transceiver, rate 1/2", PAPER),
    "feature": partial(Feature, "feature", "Feature transceiver, rate 1/2", SINGLE, PAPER),
    "speech-robust": partial(Speech, "speech-robust", "Speech transceiver, rate 1/6, interleaved", KBITS_6_60, ROBUST),
    "text-robust": partial(Text, "text-robust", "Text transceiver, rate 1/6, interleaved", ROBUST),
    "feature-robust": partial(Feature, "feature-robust", "Feature transceiver, rate 1/6, interleaved", HALF, ROBUST),
}

# What the paper's experiments compare: its own system as it is there, the shipped one, the rival, and its baselines.
PAPERS = (
    "deepsc-st-paper",
    "deepsc-520",
    "gr-deepsc-520",
    "equal-symbols-520",
    "gr-equal-symbols-520",
    "sr-deepsc",
    "speech",
    "text",
    "feature",
    "speech-robust",
    "text-robust",
    "feature-robust",
)
