"""How long each character of a known text lasts, in mel frames: from CTC's likeliest path and, sharper, from mels."""

import hashlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.ctc.align import align
from gr_deepsc.framing import FRAME_RATE
from gr_deepsc.text import encode

from ...data import ragged
from ...data.audio import Speech
from ..mel import FRAME_RATE as MEL_RATE

EDGE_REACH = 1.0  # CTC frames: how far into the silence beside it a letter may reach
_SPACE = 0


class AlignmentError(ValueError):
    """The text does not fit into the recording."""


def boundaries(path: np.ndarray, tokens: list[int]) -> np.ndarray:
    """Where each token begins and the last one ends, float64 [n + 1] in CTC frames.

    Blanks go half to either neighbour: CTC's spikes are late and narrow, and on average the sound changes midway. Only
    silence, which is a space or the edge of the recording, takes a long run of blanks for itself.

    Args:
        path: `gr_deepsc.ctc.align.align`'s, int [frames]: places in blank, token, blank, token, ..., blank.
        tokens: n of them, at least one.
    """
    places = 2 * np.arange(len(tokens)) + 1
    begins, ends = np.searchsorted(path, places), np.searchsorted(path, places, "right")
    half = (begins[1:] - ends[:-1]) / 2
    short = np.minimum(half, EDGE_REACH)
    space = np.array(tokens) == _SPACE
    inner = np.where(space[:-1], begins[1:] - short, ends[:-1] + np.where(space[1:], short, half))
    outer = max(0.0, begins[0] - EDGE_REACH), min(float(len(path)), ends[-1] + EDGE_REACH)
    return np.array([outer[0], *inner, outer[1]])


def cuts(probabilities: np.ndarray, text: str) -> np.ndarray:
    """Where each character begins and the last one ends, float64 [characters + 1] in seconds.

    Args:
        probabilities: the recogniser's P of the recording, float32 [CTC frames, 29].

    Raises:
        AlignmentError: `text` is too long for the recording.
    """
    tokens = encode(text)
    path = align(np.log(np.maximum(probabilities, 1e-10)), tokens)
    if path is None:
        raise AlignmentError(f"{len(tokens)} tokens do not fit into {len(probabilities)} frames")
    return boundaries(path, tokens) / FRAME_RATE


def cached(speech: Speech, cache: Path, model: str = "default") -> list[np.ndarray | None]:
    """`cuts` of every utterance by a shipped recogniser, computed once; None where text and recording do not fit."""
    digest = hashlib.sha256("\n".join([model, *(u.key + u.text for u in speech.utterances)]).encode())
    path = Path(cache) / f"cuts-{digest.hexdigest()[:12]}.npz"
    if not path.is_file():
        recogniser, found = FramewiseEncoder(model), []
        for i, utterance in enumerate(tqdm(speech.utterances, "aligning", unit="utt", disable=None)):
            try:
                found.append(cuts(recogniser(speech[i])[1], utterance.text))
            except AlignmentError:
                found.append(np.zeros(0))
        ragged.save(path, found)
    return [part if len(part) else None for part in ragged.load(path)[0]]


def to_durations(cuts: np.ndarray, frames: int) -> np.ndarray:
    """Mel frames of the edge, each token and the edge: int64 [n + 2], at least 1 a token, `frames` in all.

    Args:
        cuts: [n + 1] in seconds.

    Raises:
        AlignmentError: fewer frames than tokens and edges.
    """
    n = len(cuts) - 1
    if frames < n + 2:
        raise AlignmentError(f"{n} tokens and two edges do not fit into {frames} mel frames")
    at = np.rint(np.asarray(cuts) * MEL_RATE).astype(np.int64)
    index = np.arange(n + 1)
    at = np.maximum.accumulate(np.maximum(at, 1) - index) + index  # each token a frame, from the left
    at = np.minimum(at, frames - 1 - (n - index))  # and room for the rest, from the right
    return np.diff(np.concatenate([[0], at, [frames]]))


def monotonic(scores: np.ndarray, earliest: np.ndarray, latest: np.ndarray) -> np.ndarray:
    """Durations of the best monotonic path in which every token lasts a frame or more (Glow-TTS, algorithm 1).

    Args:
        scores: float [n, frames], log-likelihood of each frame under each token.
        earliest, latest: int [n], the frames in which a token may begin, both ends included.

    Returns:
        int64 [n], `frames` in all.

    Raises:
        AlignmentError: fewer frames than tokens, or no path within the limits.
    """
    n, frames = scores.shape
    if frames < n:
        raise AlignmentError(f"{n} tokens do not fit into {frames} frames")
    best = np.full(n, -np.inf)
    best[0] = scores[0, 0]
    begun = np.zeros((frames, n), bool)  # the best path to here begins its token in this frame
    for t in range(1, frames):
        allowed = (earliest <= t) & (t <= latest)
        enter = np.where(allowed, np.concatenate([[-np.inf], best[:-1]]), -np.inf)
        begun[t] = enter > best
        best = np.where(begun[t], enter, best) + scores[:, t]
    if not np.isfinite(best[-1]):
        raise AlignmentError("no path keeps within the given limits")
    durations, token = np.zeros(n, np.int64), n - 1
    for t in range(frames - 1, -1, -1):
        durations[token] += 1
        token -= int(begun[t, token])
    return durations
