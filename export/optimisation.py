"""A step of gradient descent and the fall of its rate, as all training runs have them."""

import math

import torch
from torch import Tensor

LEAST = 0.02  # of the highest learning rate


def descend(optimiser: torch.optim.Optimizer, loss: Tensor, longest: float = 1.0) -> None:
    """One update; a gradient longer than `longest` is shortened to that."""
    optimiser.zero_grad()
    loss.backward()
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    torch.nn.utils.clip_grad_norm_(weights, longest)
    optimiser.step()


def half_cosine(done: float) -> float:
    """Share of the highest learning rate when `done` of a run is over: from 1 to `LEAST`."""
    return max(LEAST, 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def straight(done: float) -> float:
    """The same along a straight line."""
    return max(LEAST, 1 - done)
