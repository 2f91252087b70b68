"""The compared systems, by name."""

from collections.abc import Callable
from functools import partial

from ..system import System
from .blocks import PAPER, ROBUST
from .deepsc_st import DeepSC, GrDeepSC, PaperDeepSC
from .equal_symbols import EqualSymbols
from .feature import HALF, SINGLE, Feature
from .speech import KBITS_6_60, KBITS_19_85, Speech
from .sr_deepsc import SRDeepSC
from .text import Text

# Ours, the paper's conventional ones in two readings (see `blocks`), and the rival.
SYSTEMS: dict[str, Callable[[], System]] = {
    "deepsc-st-paper": PaperDeepSC,
    "deepsc-st": DeepSC,
    "gr-deepsc": GrDeepSC,
    "sr-deepsc": SRDeepSC,
    "speech": partial(Speech, "speech", "Speech transceiver, rate 1/2", KBITS_19_85, PAPER),
    "text": partial(Text, "text", "Text transceiver, rate 1/2", PAPER),
    "feature": partial(Feature, "feature", "Feature transceiver, rate 1/2", SINGLE, PAPER),
    "speech-robust": partial(
        Speech, "speech-robust", "Speech transceiver, rate 1/6, interleaved", KBITS_6_60, ROBUST
    ),
    "text-robust": partial(Text, "text-robust", "Text transceiver, rate 1/6, interleaved", ROBUST),
    "feature-robust": partial(
        Feature, "feature-robust", "Feature transceiver, rate 1/6, interleaved", HALF, ROBUST
    ),
    "equal-symbols": EqualSymbols,
}
