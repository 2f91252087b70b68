"""A burst of which one chirp alone was heard: time and carrier lie on a line, and the pilots say where on it.

A chirp's delay and its frequency are one (Chu, 1972): where the other chirp is lost in a fade, every start with
start = peak +- N * cfo fits, N the chirp's symbols, and which of them the detector took is chance.
"""

from collections.abc import Callable

import numpy as np

from .detect import Detection
from .preamble import LONG, MAX_CFO
from .pulse import SAMPLES_PER_SYMBOL
from .synchronise import SEARCH_MODELS, Known, Sync, Window
from .track import log_evidences

ALTERNATIVES = 6  # places on the two lines that are worth a look

_STEP = 2e-3  # cycles a symbol: a quarter of a turn over a fading block of 128
_COARSE = 0.02  # the matched filter bears half of it
_CENTRES = np.arange(-MAX_CFO, MAX_CFO + _COARSE / 2, _COARSE).tolist()
_OFFSETS = np.arange(-_COARSE / 2, _COARSE / 2, _STEP).tolist()
SOUGHT = 2 * len(_CENTRES) * len(_OFFSETS)  # places on the lines that are compared
# Samples: farthest from the detection that a start on a line can be.
REACH = int(2 * MAX_CFO * SAMPLES_PER_SYMBOL * LONG.chirp)


def along_chirps(detection: Detection, known: Known, window_of: Callable[[Detection], Window]) -> list[Detection]:
    """Other starts and carriers by which one chirp is where the detection saw it, the likeliest first.

    Args:
        known: chirps and pilots of the header.
        window_of: the samples about another start.
    """
    n0, power = known.levels(window_of(detection).at(known.places, Sync(0.0, 0.0)))
    found, slope = [], SAMPLES_PER_SYMBOL * detection.preamble.chirp  # samples of delay that a cycle a symbol makes
    for sign in (1, -1):  # the up-chirp's line, the down-chirp's
        peak = detection.start - sign * slope * detection.cfo
        scores, places = [], []
        for centre in _CENTRES:
            place = detection._replace(start=peak + sign * slope * centre, cfo=centre)
            window = window_of(place)
            y = np.stack([window.at(known.places, Sync(sign * detection.preamble.chirp * f, f)) for f in _OFFSETS], 1)
            c = known.correlate(y)
            scores += log_evidences(SEARCH_MODELS, known.nodes, c, power, n0).max((0, 2)).tolist()
            places += [place._replace(start=place.start + sign * slope * f, cfo=place.cfo + f) for f in _OFFSETS]
        peaks = [k for k in range(len(scores)) if scores[k] == max(scores[max(0, k - 2) : k + 3])]
        found += [(scores[k], places[k]) for k in peaks]
    found.sort(key=lambda entry: -entry[0])
    return [place for _, place in found[:ALTERNATIVES]]
