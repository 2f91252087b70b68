"""Which frames a character came from: the most likely CTC path of a known text."""

import numpy as np

from gr_deepsc.text import BLANK


def align(log_probs: np.ndarray, tokens: list[int]) -> np.ndarray | None:
    """Viterbi alignment (Graves et al. 2006, with max in place of sum).

    Args:
        log_probs: float [frames, 29].
        tokens: token indices without blanks, at least one.

    Returns:
        int [len(tokens)]: the first frame of each token, strictly increasing; None if the text does not fit.
    """
    states = np.full(2 * len(tokens) + 1, BLANK)
    states[1::2] = tokens
    may_skip = np.zeros(len(states), bool)  # over a blank, between different tokens
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf)
    score[:2] = log_probs[0, states[:2]]
    steps = np.zeros((len(log_probs), len(states)), np.int8)
    for t in range(1, len(log_probs)):
        one = np.concatenate(([-np.inf], score[:-1]))
        two = np.where(may_skip, np.concatenate(([-np.inf, -np.inf], score[:-2])), -np.inf)
        choices = np.stack([score, one, two])
        steps[t] = choices.argmax(0)
        score = choices.max(0) + log_probs[t, states]
    state = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    if not np.isfinite(score[state]):
        return None
    starts = np.zeros(len(tokens), int)
    for t in range(len(log_probs) - 1, -1, -1):
        if state % 2:
            starts[state // 2] = t
        state -= steps[t, state]
    return starts
