"""An order of sending in which neighbours are far apart, so that no fade takes many of them."""

import numpy as np


def order(count: int) -> np.ndarray:
    """Which of `count` symbols or bits each place on air holds, the same at both ends: int [count], a permutation."""
    return np.random.default_rng(0).permutation(count)
