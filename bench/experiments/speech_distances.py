"""Figures 7 and 8 of the paper: Fréchet and kernel DeepSpeech distance of received speech from the recordings."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..metrics import distances, speech
from ..metrics.intervals import DEVIATIONS, standard_error
from ..plot import curves
from ..store import Item
from .experiment import NOWHERE, SPEAKING, SPOKEN, Experiment, Outcome, Setting, Size
from .sweep import sweep

SIZES = {
    "quick": Size(6, (-4.0, 12.0)),
    "default": Size(9, tuple(map(float, range(-12, 21, 8)))),
    "full": Size(120, tuple(map(float, range(-12, 21, 4)))),  # resampling distances takes as long as all else
}
STATES = 512


def run(setting: Setting) -> Outcome:
    """Both distances; the references are the transcripts and what the reader writes, read out by the synthesiser."""
    size = SIZES[setting.size]
    utterances = setting.speech(size)
    recorded = setting.runner.measure("speech", ["original"], utterances, [NOWHERE])
    real = [_features(recorded["original", NOWHERE, u.key]) for u in utterances]
    return sweep(setting, "speech", size, ["transcript", "read"], partial(compare, real))


def compare(real: Sequence[np.ndarray], items: Sequence[Item]) -> dict[str, object]:
    """The distances between sets of windows, with intervals from resampled utterances.

    Args:
        real: features of each utterance's recording.
        items: of what was received of each of them.
    """
    heard = [_features(item) for item in items]
    row: dict[str, object] = {"windows": sum(map(len, heard))}

    def over(distance: Callable[[np.ndarray, np.ndarray], float], chosen: Sequence[int]) -> float:
        return distance(*(np.concatenate([side[i] for i in chosen]) for side in (real, heard)))

    for name, distance in (("fdsd", distances.frechet), ("kdsd2", distances.kernel_squared)):
        value = over(distance, range(len(heard)))
        margin = DEVIATIONS * standard_error(partial(over, distance), len(heard))
        row |= {name: value, f"{name}_low": value - margin, f"{name}_high": value + margin}
    return row


def _features(item: Item) -> np.ndarray:
    return speech.unpack(item.figures["features"], np.float32, STATES)


FIG7 = Experiment(
    "Fréchet DeepSpeech distance against Es/N0", run, partial(curves, y="fdsd", ylabel="FDSD"), SPOKEN, SPEAKING
)
FIG8 = Experiment(
    "kernel DeepSpeech distance against Es/N0", run, partial(curves, y="kdsd2", ylabel="KDSD squared"), SPOKEN, SPEAKING
)
