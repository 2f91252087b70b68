"""Utterances cut at the gaps between their words."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from gr_deepsc.ctc.align import align
from gr_deepsc.text import encode

from ..data import ragged
from ..data.ahead import cores_for, made
from ..data.batches import grouped
from ..training.optimisation import device_of
from .model import WhisperRecogniser
from .states import States, logits

SPACE = " "
BATCH_SECONDS = 120


@dataclass(frozen=True)
class Piece:
    """Frames `begin` to `end` (not included) of an utterance, and what is said in them."""

    utterance: int
    begin: int
    end: int
    text: str


def gaps(model: WhisperRecogniser, states: States, cache: Path) -> list[np.ndarray]:
    """Where in each utterance of `states` the CTC of `model` has the spaces of its text; computed once.

    Returns:
        float64 [spaces] of each utterance, in frames; NaN where the text does not fit into the recording.
    """
    name = hashlib.sha256("\n".join([str(states.path), *states.texts]).encode()).hexdigest()[:12]
    path = Path(cache) / f"gaps-{name}.npz"
    if not path.is_file():
        jobs = list(zip(states.texts, features(model, states), strict=True))
        found = made(_gaps, jobs, cores_for(jobs))
        ragged.save(path, list(tqdm(found, "aligning", total=len(jobs), unit="utt", disable=None)))
    return ragged.load(path)[0]


def features(model: WhisperRecogniser, states: States) -> list[np.ndarray]:
    """log P of every utterance: float32 [frames, 29]."""
    found, device = [np.empty(0)] * len(states.texts), device_of(model)
    with torch.inference_mode():
        for group in grouped(states.lengths, BATCH_SECONDS):
            pairs, frames, _ = states.batch(group)
            rows = logits(model, pairs.to(device), frames.to(device)).log_softmax(-1).cpu().numpy()
            for i, count, row in zip(group, frames.tolist(), rows, strict=True):
                found[i] = row[:count].copy()
    return found


def _gaps(spoken: tuple[str, np.ndarray]) -> np.ndarray:
    text, log_probs = spoken
    spaces = np.array([k for k, letter in enumerate(text) if letter == SPACE], int)
    return middles(align(log_probs, encode(text)), spaces)


def middles(path: np.ndarray | None, tokens: np.ndarray) -> np.ndarray:
    """Midway between the end of the token before and the begin of the token behind each of `tokens`, in frames.

    Args:
        path: int [frames], as `gr_deepsc.ctc.align.align` gives it.
        tokens: int [n], numbers of tokens that have one before and one behind.

    Returns:
        float64 [n]; NaN if there is no path.
    """
    if path is None:
        return np.full(len(tokens), np.nan)
    ends = np.searchsorted(path, 2 * (tokens - 1) + 1, "right")
    return (ends + np.searchsorted(path, 2 * (tokens + 1) + 1)) / 2


def pieces(utterance: int, text: str, places: np.ndarray, frames: int, longest: float) -> list[Piece]:
    """The utterance in as few pieces of at most `longest` frames as its gaps allow; whole if they are not known.

    A stretch without a gap stays together, however long.

    Args:
        places: [spaces of `text`], frames of the gaps.
        frames: of the utterance.
    """
    if frames <= longest or np.isnan(places).any():
        return [Piece(utterance, 0, frames, text)]
    words, found, begin, first = text.split(SPACE), [], 0, 0
    for k, place in enumerate([*places[1:], frames], 1):
        if place - begin > longest and k > first:  # the gap before is the last one that is near enough
            cut = round(places[k - 1])
            if cut > begin:
                found.append(Piece(utterance, begin, cut, SPACE.join(words[first:k])))
                begin, first = cut, k
    return [*found, Piece(utterance, begin, frames, SPACE.join(words[first:]))]
