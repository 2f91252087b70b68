"""What a recogniser has to say: its features P without the frames in which nothing new is said.

CTC's features are blanks most of the time and hold each letter for a frame or a few. What is left when the blanks and
the repeats are dropped is one vector a character, an `emission`; its place in time is not worth sending.
"""

import numpy as np

from .text import BLANK

# Probability of a letter in a blank's frame from which it is an emission as well: the receiver may know better.
WEAK = 0.25


def collapse(features: np.ndarray) -> np.ndarray:
    """The emissions of an utterance.

    Args:
        features: float32 [frames, 29], probabilities P.

    Returns:
        float32 [emissions, 29]: the frame of each letter's highest probability; none where nothing is said.
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
        # a peak's skirts are no emission of their own
        beside = {label[runs[j][0]] for j in (k - 1, k + 1) if 0 <= j < len(runs)}
        if label[a] < BLANK or label[a] - BLANK not in beside:
            kept.append(a + level[a:b].argmax())
    return features[kept]
