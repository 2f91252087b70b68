"""The compared systems, by name."""

from collections.abc import Callable
from functools import partial

from ..system import System
from .blocks import HALF, SIXTH
from .deepsc_st import GrDeepSC, PaperDeepSC
from .equal_symbols import EqualSymbols
from .feature import HALF_PRECISION, SINGLE, Feature
from .speech import KBITS_6_60, KBITS_19_85, Speech
from .text import Text

# Ours, the paper's conventional ones at the code rates 1/2 and 1/6 (see `blocks`), and the rival.
SYSTEMS: dict[str, Callable[[], System]] = {
    "deepsc-st-paper": PaperDeepSC,
    "gr-deepsc": GrDeepSC,
    "speech": partial(Speech, "speech", "Speech transceiver, rate 1/2", KBITS_19_85, HALF),
    "text": partial(Text, "text", "Text transceiver, rate 1/2", HALF),
    "feature": partial(Feature, "feature", "Feature transceiver, rate 1/2", SINGLE, HALF),
    "speech-low-rate": partial(Speech, "speech-low-rate", "Speech transceiver, rate 1/6", KBITS_6_60, SIXTH),
    "text-low-rate": partial(Text, "text-low-rate", "Text transceiver, rate 1/6", SIXTH),
    "feature-low-rate": partial(
        Feature, "feature-low-rate", "Feature transceiver, rate 1/6", HALF_PRECISION, SIXTH
    ),
    "equal-symbols": EqualSymbols,
}
