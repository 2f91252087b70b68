"""What a recogniser has to say: its features P without the frames in which nothing new is said.

CTC's features are blanks most of the time; a letter is a spike of a frame or a few. What is left when the blanks and
the repeats are dropped is one vector a character, its spike; its place in time is not worth sending.
"""

import numpy as np

from ..text import BLANK, encode
from .align import align
from .greedy import logarithms

# Probability of a letter in a blank's frame from which it is a spike as well: the receiver may know better.
WEAK = 0.25
# Least share of a spike that is the letter it was read as, where its features alone say another.
TAKEN_FOR = 0.5


def collapse(features: np.ndarray) -> np.ndarray:
    """The spikes of an utterance.

    Args:
        features: float32 [frames, 29], probabilities P.

    Returns:
        float32 [spikes, 29]: the frame of each letter's highest probability; none where nothing is said.
    """
    if len(features) == 0:
        return features
    letters = features[:, :BLANK].argmax(1)
    level = features[np.arange(len(features)), letters]
    strong = features.argmax(1) != BLANK
    weak = ~strong & (level >= WEAK)
    label = np.where(strong, letters, np.where(weak, letters + BLANK, -1))
    starts = np.flatnonzero(np.concatenate(([True], label[1:] != label[:-1])))
    runs = [(a, b) for a, b in zip(starts, [*starts[1:], len(label)], strict=True) if label[a] >= 0]
    kept = []
    for k, (a, b) in enumerate(runs):
        # a peak's skirts are no spike of their own
        beside = {label[runs[j][0]] for j in (k - 1, k + 1) if 0 <= j < len(runs)}
        if label[a] < BLANK or label[a] - BLANK not in beside:
            kept.append(a + level[a:b].argmax())
    return features[kept]


def spelt(features: np.ndarray, text: str) -> np.ndarray:
    """The spikes of an utterance that was read as `text`, by a decoder that knows more than its features say.

    Args:
        features: float32 [frames, 29], probabilities P.
        text: with fewer characters than there are frames.

    Returns:
        float32 [characters, 29]: the frame of each letter's highest probability; one that says another letter, or none,
        is mixed with the letter that it was read as.
    """
    tokens = encode(text)
    path = align(logarithms(features), tokens)
    if path is None:
        return features[:0]
    kept = []
    for place, token in enumerate(tokens):
        frames = np.flatnonzero(path == 2 * place + 1)
        spike = features[frames[features[frames, token].argmax()]].copy()
        if spike.argmax() != token:
            spike *= 1 - TAKEN_FOR
            spike[token] += TAKEN_FOR
        kept.append(spike)
    return np.array(kept, np.float32).reshape(len(tokens), features.shape[1])
