"""How long each character of a known text lasts, in mel frames: Viterbi over the project's own recogniser's CTC."""

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gr_deepsc.codec.framewise import FramewiseEncoder
from gr_deepsc.framing import FRAME_RATE
from gr_deepsc.text import encode

from ..data.audio import Speech
from .mel import FRAME_RATE as MEL_RATE

EDGE_REACH = 1.0  # CTC frames: how far into the silence beside it a letter may reach
_SPACE = 0


class AlignmentError(ValueError):
    """The text does not fit into the recording."""


def spikes(log_probs: np.ndarray, tokens: list[int]) -> np.ndarray:
    """The most likely CTC path of a known text (Graves et al. 2006, section 4, with max in place of the sum).

    Args:
        log_probs: float [frames, tokens + blank], natural logarithms, the blank last.
        tokens: n of them, none a blank.

    Returns:
        int64 [n, 2], first and last frame + 1 in which the path emits each token.

    Raises:
        AlignmentError: fewer frames than the tokens and the blanks between repeats need.
    """
    frames, blank = len(log_probs), log_probs.shape[1] - 1
    states = np.full(2 * len(tokens) + 1, blank)
    states[1::2] = tokens
    skip = np.zeros(len(states), bool)  # from the token before, over the blank: not between repeats
    skip[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf)
    score[:2] = log_probs[0, states[:2]]
    came = np.zeros((frames, len(states)), np.int8)  # how many states the best path moved to get here
    for t in range(1, frames):
        options = np.full((3, len(states)), -np.inf)
        options[0] = score
        options[1, 1:] = score[:-1]
        options[2, 2:] = np.where(skip[2:], score[:-2], -np.inf)
        came[t] = options.argmax(0)
        score = options.max(0) + log_probs[t, states]
    state = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    if not np.isfinite(score[state]):
        raise AlignmentError(f"{len(tokens)} tokens do not fit into {frames} frames")
    first, last = np.full(len(tokens), frames), np.zeros(len(tokens), np.int64)
    for t in range(frames - 1, -1, -1):
        if state % 2:
            i = state // 2
            first[i], last[i] = min(first[i], t), max(last[i], t + 1)
        state -= int(came[t, state])
    return np.stack([first, last], 1)


def boundaries(path: np.ndarray, tokens: list[int], frames: int) -> np.ndarray:
    """Where each token begins and the last one ends, float64 [n + 1] in CTC frames.

    Blanks go half to either neighbour: the spikes are late and narrow, and on average the sound changes midway. Only
    silence, which is a space or the edge of the recording, takes a long run of blanks for itself.
    """
    cuts = np.empty(len(tokens) + 1)
    cuts[0] = max(0.0, path[0, 0] - EDGE_REACH)
    cuts[-1] = min(float(frames), path[-1, 1] + EDGE_REACH)
    for i, (before, after) in enumerate(pairwise(tokens), 1):
        end, begin = path[i - 1, 1], path[i, 0]
        half = (begin - end) / 2
        if after == _SPACE:
            half = min(half, EDGE_REACH)
        cuts[i] = begin - min(half, EDGE_REACH) if before == _SPACE else end + half
    return cuts


def to_durations(cuts: np.ndarray, frames: int) -> np.ndarray:
    """int64 [n + 2] mel frames of the edge, each token and the edge: at least 1 a token, `frames` in all.

    Args:
        cuts: [n + 1] in seconds.
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
    """
    n, frames = scores.shape
    if frames < n:
        raise AlignmentError(f"{n} tokens do not fit into {frames} frames")
    best = np.full(n, -np.inf)
    best[0] = scores[0, 0]
    begun = np.zeros((frames, n), bool)  # the best path to here begins its token in this frame
    index = np.arange(1, n)
    for t in range(1, frames):
        enter = np.full(n, -np.inf)
        allowed = (earliest[1:] <= t) & (t <= latest[1:])
        enter[index[allowed]] = best[:-1][allowed]
        begun[t] = enter > best
        best = np.where(begun[t], enter, best) + scores[:, t]
    if not np.isfinite(best[-1]):
        raise AlignmentError("no path keeps within the given limits")
    durations, token = np.zeros(n, np.int64), n - 1
    for t in range(frames - 1, -1, -1):
        durations[token] += 1
        token -= int(begun[t, token])
    return durations


def align(transmitter: FramewiseEncoder, waveform: np.ndarray, text: str) -> np.ndarray:
    """float64 [characters + 1], seconds: where each character begins and the last one ends.

    Raises:
        AlignmentError: `text` is too long for the recording.
    """
    tokens = encode(text)
    _, probabilities = transmitter(waveform)
    path = spikes(np.log(np.maximum(probabilities, 1e-10)), tokens)
    return boundaries(path, tokens, len(probabilities)) / FRAME_RATE


def cached(speech: Speech, cache: Path, model: str = "default") -> list[np.ndarray | None]:
    """`align` of every utterance, computed once; None where text and recording do not fit together."""
    digest = hashlib.sha256("\n".join([model, *(u.key + u.text for u in speech.utterances)]).encode())
    path = Path(cache) / f"align-{digest.hexdigest()[:12]}.npz"
    if not path.is_file():
        transmitter, found = FramewiseEncoder(model), []
        for i, utterance in enumerate(tqdm(speech.utterances, "aligning", unit="utt", disable=None)):
            try:
                found.append(align(transmitter, speech[i], utterance.text))
            except AlignmentError:
                found.append(np.zeros(0))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, cuts=np.concatenate(found), counts=[len(cuts) for cuts in found])
    with np.load(path) as file:
        parts = np.split(file["cuts"], np.cumsum(file["counts"])[:-1])
    return [part if len(part) else None for part in parts]
