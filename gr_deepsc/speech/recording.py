"""A whole recording, of up to ten minutes: cut into utterances at its pauses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.ndimage import minimum_filter1d

from ..framing import HOP, SAMPLE_RATE
from . import audio
from .segment import LEAD_S, ONSET_S, PRE_ROLL_S, SILENCE_DBFS, quietest

HOP_S = HOP / SAMPLE_RATE  # seconds a decision is made for: then the utterances' frames are the recording's
AUDIBLE_DB = 6.0  # above the background; less than opens a stream's utterance: what is dropped here is surely no speech
AROUND_S = 10.0  # the background is the quietest frame from so long before to so long after
RANGE_DB = 50.0  # a recording that is softer than a stream may be: its background is at most so far below its loudest
REST_S = 2.0  # nobody speaks for so long: the utterance has ended
PAUSE_S = 0.12  # a shorter gap may be the closure of a consonant


def read(path: str | Path, warn: Callable[[str], object] = lambda told: None) -> tuple[list[np.ndarray], int]:
    """Read a recording and cut it into utterances; `path` and `warn` as of `audio.read`.

    Returns:
        The utterances in order, float32 [n] each, as `audio.check` takes them, at least one; and their sample rate, Hz.

    Raises:
        AudioError: as of `audio.read`; of a recording of more than one utterance also not_finite and silent.
    """
    samples, rate = audio.read(path, warn)
    if len(samples) <= audio.LONGEST_S * rate:
        return [samples], rate
    audio.check_level(samples)
    pieces = [samples[piece] for piece in utterances(samples, rate)]
    return [piece for piece in pieces if audio.peak_dbfs(piece) >= audio.SILENCE_DBFS] or pieces[:1], rate


def utterances(waveform: np.ndarray, sample_rate: int, longest_s: float = audio.LONGEST_S) -> list[slice]:
    """Cut a whole recording at its pauses into utterances of at most `longest_s`.

    A recording that is no longer is one utterance, untouched. In a longer one whatever rises above the background
    (the quietest frame within 10 s) is taken as speech; where nothing does for 2 s an utterance ends 0.32 s behind its
    last sound, and the next one begins 0.8 s before its first. Speech that goes on for longer is cut in its longest
    pause, or where there is none at its quietest point, as `split` does. A recording in which nothing rises above the
    background, perhaps because a steady noise hides it, is kept whole. Cuts lie at multiples of 40 ms.

    Args:
        waveform: float32 [n], full scale 1.0, finite.
        sample_rate: Hz.

    Returns:
        Slices in order, without what is between them; one at least.
    """
    most, hop = int(longest_s * sample_rate), round(sample_rate * HOP_S)
    if len(waveform) <= most:
        return [slice(0, len(waveform))]
    levels = _levels_db(waveform, hop)
    floor = minimum_filter1d(levels, 2 * round(AROUND_S / HOP_S) + 1)
    audible = levels > np.maximum(floor, min(SILENCE_DBFS, levels.max() - RANGE_DB)) + AUDIBLE_DB
    longest = most // hop
    cuts = [cut for start, stop in _speech(audible) for cut in _cut(levels, audible, start, stop, longest)]
    return [slice(start * hop, min(stop * hop, len(waveform))) for start, stop in cuts]


def _levels_db(waveform: np.ndarray, hop: int) -> np.ndarray:
    """dBFS of each `hop` samples: float [ceil(n / hop)]; the last ones count as if silence followed."""
    whole = len(waveform) // hop * hop
    frames = waveform[:whole].reshape(-1, hop)
    power = np.einsum("fs,fs->f", frames, frames, dtype=np.float64)  # in no more memory than that
    if whole < len(waveform):
        power = np.append(power, np.sum(waveform[whole:].astype(np.float64) ** 2))
    return 10 * np.log10(np.maximum(power / hop, 1e-12))


def _speech(audible: np.ndarray) -> list[tuple[int, int]]:
    """Where somebody speaks in bool [frames]: [start, stop) each, with what is kept around it; else all of it."""
    found: list[tuple[int, int]] = []
    onset, rest, before, after = (round(s / HOP_S) for s in (ONSET_S, REST_S, PRE_ROLL_S, LEAD_S))
    for start, stop in _runs(audible):
        if stop - start < onset:
            continue
        if found and start - found[-1][1] < rest:
            found[-1] = found[-1][0], stop
        else:
            found.append((start, stop))
    return [(max(0, start - before), min(len(audible), stop + after)) for start, stop in found] or [(0, len(audible))]


def _cut(levels: np.ndarray, audible: np.ndarray, start: int, stop: int, longest: int) -> list[tuple[int, int]]:
    """Frames [start, stop) in pieces of at most `longest`, none of them, if there are two, under a quarter of it."""
    pieces = []
    while stop - start > longest:
        first, last = start + longest // 2, min(start + longest, stop - longest // 4)
        pauses = [(b - a, (a + b) // 2) for a, b in _runs(~audible[first:last])]
        length, middle = max(pauses, default=(0, 0))
        cut = first + middle if length >= PAUSE_S / HOP_S else quietest(levels, first, last)
        pieces.append((start, cut))
        start = cut
    return [*pieces, (start, stop)]


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """[start, stop) of each run of True in bool [n]."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
