"""Which frame says which letter of a known text: CTC's likeliest path (Graves et al. 2006, section 4, by Viterbi)."""

import numpy as np

from ..text import BLANK


def align(log_probs: np.ndarray, tokens: list[int]) -> np.ndarray | None:
    """The likeliest way through `tokens` (Viterbi): of each step, its place in blank, token, blank, token, ..., blank.

    Returns:
        int [steps]; None where there are too few steps.
    """
    states = labels(tokens)
    may_skip = np.zeros(len(states), bool)  # the blank between different letters need not be
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    best = np.full(len(states), -np.inf)
    best[:2] = log_probs[0, states[:2]] if len(log_probs) else -np.inf
    came = np.zeros((len(log_probs), len(states)), np.int8)
    for t in range(1, len(log_probs)):
        stay, step = best, np.concatenate(([-np.inf], best[:-1]))
        skip = np.where(may_skip, np.concatenate(([-np.inf, -np.inf], best[:-2]))[: len(best)], -np.inf)
        choices = np.stack([stay, step, skip])
        came[t] = choices.argmax(0)
        best = choices.max(0) + log_probs[t, states]
    end = len(states) - 1 - int(len(states) > 1 and best[-2] > best[-1])
    if not len(log_probs) or best[end] == -np.inf:
        return None
    path = np.empty(len(log_probs), int)
    for t in reversed(range(len(log_probs))):
        path[t] = end
        end -= int(came[t, end])
    return path


def labels(tokens: list[int]) -> np.ndarray:
    """Blank, token, blank, token, ..., blank."""
    labels = np.full(2 * len(tokens) + 1, BLANK)
    labels[1::2] = tokens
    return labels
