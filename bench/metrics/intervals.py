"""Confidence intervals by resampling utterances: those of a test set are drawn from all that could be spoken."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import bootstrap

from .text import error_rate

LEVEL = 0.95
RESAMPLES = 2000  # of error rates; a bound of the interval is then itself certain to about 2 % of its width
SLOW_RESAMPLES = 100  # of distances: enough for a standard error to 7 %
DEVIATIONS = 1.96  # of a normal distribution for `LEVEL`


def of_error_rate(edits: Sequence[int], lengths: Sequence[int], seed: int = 0) -> tuple[float, float]:
    """The percentile bootstrap interval of a set's error rate; NaN for one utterance, which tells nothing of others.

    Args:
        edits, lengths: of each utterance.
        seed: the same for all systems, so that they are resampled alike.
    """
    if len(edits) < 2:
        return np.nan, np.nan
    found = bootstrap(
        (np.asarray(edits), np.asarray(lengths)),
        error_rate,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    return tuple(map(float, found.confidence_interval))


def standard_error(statistic: Callable[[np.ndarray], float], utterances: int, seed: int = 0) -> float:
    """The bootstrap standard error of `statistic(indices)` over sets of `utterances` drawn with replacement.

    For distances between sets, whose percentile interval would be off: a resample holds some utterances twice, which
    shifts a distance upward, but hardly changes how it spreads.
    """
    if utterances < 2:
        return np.nan
    rng = np.random.default_rng(seed)
    drawn = [statistic(rng.integers(utterances, size=utterances)) for _ in range(SLOW_RESAMPLES)]
    return float(np.std(drawn, ddof=1))
