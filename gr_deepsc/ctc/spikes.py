"""How sure a recogniser's features are of the letters that were read in them.

CTC's features are blanks most of the time; a letter is a spike of a frame or a few.
"""

import numpy as np

from ..text import encode
from .align import align
from .greedy import logarithms


def certainty(features: np.ndarray, text: str) -> np.ndarray:
    """The height of each letter's spike.

    Args:
        features: float32 [frames, 29], probabilities P.
        text: that was read in them, in whatever way.

    Returns:
        float32 [characters]: the highest probability of each among its frames on the likeliest path; 0 where there are
        fewer frames than characters.
    """
    tokens = encode(text)
    path = align(logarithms(features), tokens)
    if path is None:
        return np.zeros(len(tokens), np.float32)
    heights = [features[path == 2 * place + 1, token].max() for place, token in enumerate(tokens)]
    return np.array(heights, np.float32)
