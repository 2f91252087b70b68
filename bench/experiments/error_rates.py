"""Figures 5 and 6 of the paper, character and word error rate against Es/N0; and both as an independent judge hears."""

from collections.abc import Sequence
from functools import partial

from ..errors import BenchError
from ..metrics import judge
from ..metrics.intervals import of_error_rate
from ..metrics.text import error_rate
from ..plot import curves
from ..store import Item
from .experiment import SPEAKING, Experiment, Outcome, Setting, Size
from .sweep import sweep

EVERY_2_DB = tuple(map(float, range(-12, 21, 2)))
EVERY_4_DB = tuple(map(float, range(-12, 21, 4)))
EVERY_8_DB = tuple(map(float, range(-12, 21, 8)))
READ = {"quick": Size(6, EVERY_8_DB), "default": Size(30, EVERY_4_DB), "full": Size(None, EVERY_2_DB)}
HEARD = {"quick": Size(3, (-4.0, 12.0)), "default": Size(6, EVERY_8_DB), "full": Size(60, EVERY_2_DB)}


def rates(items: Sequence[Item]) -> dict[str, object]:
    """CER and WER of a set and their intervals; the share of code blocks that were lost."""
    row: dict[str, object] = {}
    for name, unit in (("cer", "characters"), ("wer", "words")):
        edits, lengths = zip(*(item.figures[unit] for item in items), strict=True)
        low, high = of_error_rate(edits, lengths)
        row |= {name: float(error_rate(edits, lengths)), f"{name}_low": low, f"{name}_high": high}
    return row | {"frame_errors": sum(item.figures["frame_errors"] for item in items) / len(items)}


def read(setting: Setting) -> Outcome:
    """Error rates of the received texts."""
    return sweep(setting, "text", READ[setting.size], ["clean", "read"], rates)


def heard(setting: Setting) -> Outcome:
    """Error rates of what Whisper tiny.en makes of the received speech.

    Raises:
        BenchError: it is not installed.
    """
    if not judge.available():
        raise BenchError(judge.MISSING)
    references = ["original", "transcript", "read"]
    return sweep(setting, "judge", HEARD[setting.size], references, rates)


def _figure(y: str, ylabel: str) -> partial:
    return partial(curves, y=y, ylabel=ylabel)


FIG5 = Experiment("character error rate against Es/N0", read, _figure("cer", "CER"))
FIG6 = Experiment("word error rate against Es/N0", read, _figure("wer", "WER"))
JUDGE = Experiment(
    "CER that an independent recogniser hears in the received speech (needs the extra judge)",
    heard,
    _figure("cer", "CER of Whisper tiny.en"),
    systems=("deepsc-520", "gr-deepsc-520", "equal-symbols-520", "sr-deepsc", "speech-robust"),  # Whisper is slow
    networks=SPEAKING,
)
