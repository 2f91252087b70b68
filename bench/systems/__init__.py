"""The compared systems, by name."""

from collections.abc import Callable
from functools import partial

from gr_deepsc.codec.rates import PAPER as PAPER_RATE

from ..system import System
from .blocks import PAPER, ROBUST
from .deepsc_st import DeepSC, GrDeepSC, PaperDeepSC
from .equal_symbols import EqualSymbols
from .feature import HALF, SINGLE, Feature
from .speech import KBITS_6_60, KBITS_19_85, Speech
from .sr_deepsc import SRDeepSC
from .text import Text

# Ours at every rate, the paper's conventional ones in two readings (see `blocks`), and the rival.
SYSTEMS: dict[str, Callable[[], System]] = {
    "deepsc-st-paper": PaperDeepSC,
    "deepsc-st": partial(DeepSC, "deepsc-st", "DeepSC-ST (default model, CSI known)", PAPER_RATE),
    "deepsc-520": partial(DeepSC, "deepsc-520", "Codec with context, 520 symbols/s, CSI known", "520"),
    "deepsc-260": partial(DeepSC, "deepsc-260", "Codec with context, 260 symbols/s, CSI known", "260"),
    "deepsc-130": partial(DeepSC, "deepsc-130", "Codec with context, 130 symbols/s, CSI known", "130"),
    "gr-deepsc": partial(GrDeepSC, "gr-deepsc", "gr-deepsc, default model (burst modem, CSI estimated)", PAPER_RATE),
    "gr-deepsc-520": partial(GrDeepSC, "gr-deepsc-520", "gr-deepsc, 520 symbols/s", "520"),
    "gr-deepsc-260": partial(GrDeepSC, "gr-deepsc-260", "gr-deepsc, 260 symbols/s", "260"),
    "gr-deepsc-130": partial(GrDeepSC, "gr-deepsc-130", "gr-deepsc, 130 symbols/s", "130"),
    "gr-greedy-520": partial(GrDeepSC, "gr-greedy-520", "gr-deepsc, 520 symbols/s, greedy", "520", "greedy"),
    "gr-greedy-130": partial(GrDeepSC, "gr-greedy-130", "gr-deepsc, 130 symbols/s, greedy", "130", "greedy"),
    "sr-deepsc": SRDeepSC,
    "speech": partial(Speech, "speech", "Speech transceiver, rate 1/2", KBITS_19_85, PAPER),
    "text": partial(Text, "text", "Text transceiver, rate 1/2", PAPER),
    "feature": partial(Feature, "feature", "Feature transceiver, rate 1/2", SINGLE, PAPER),
    "speech-robust": partial(Speech, "speech-robust", "Speech transceiver, rate 1/6, interleaved", KBITS_6_60, ROBUST),
    "text-robust": partial(Text, "text-robust", "Text transceiver, rate 1/6, interleaved", ROBUST),
    "feature-robust": partial(Feature, "feature-robust", "Feature transceiver, rate 1/6, interleaved", HALF, ROBUST),
    "equal-symbols": partial(EqualSymbols, "equal-symbols", 20, read=False),
    "equal-symbols-520": partial(EqualSymbols, "equal-symbols-520", 20, read=True),
    "equal-symbols-260": partial(EqualSymbols, "equal-symbols-260", 10, read=True),
    "equal-symbols-130": partial(EqualSymbols, "equal-symbols-130", 5, read=True),
}

# What the paper's experiments compare: all but the other rates and decoders.
PAPERS = tuple(name for name in SYSTEMS if not name.endswith(("-520", "-260", "-130")))
