"""A step of gradient descent, the fall of its rate, averaged weights, and the arithmetic of a device."""

import math
from copy import deepcopy

import torch
from torch import Tensor, nn

LEAST = 0.02  # of the highest learning rate


def pick_device(name: str | None = None) -> torch.device:
    """The device of that name; without one, CUDA if there is any, else the CPU."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def device_of(network: nn.Module) -> torch.device:
    """Where its weights are."""
    return next(network.parameters()).device


def half_precision(device: torch.device) -> torch.autocast:
    """bfloat16 where `device` computes in it (there 3 times as fast); emulated by a CPU it is 9 times slower."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=native)


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


def constant(done: float) -> float:
    """The highest learning rate all along."""
    return 1.0


class Average:
    """Exponential moving average of a network's weights; its memory grows with the number of updates.

    Attributes:
        network: a copy that has them.
        updates: so far.
    """

    def __init__(self, network: nn.Module, decay: float = 0.999):
        """Begins with the weights of `network`; a `decay` of 0 follows them without averaging."""
        self.network, self.updates, self._decay = deepcopy(network).requires_grad_(False), 0, decay

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Draws the average towards the weights of `network`; what is counted in it is copied."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        mine, theirs = self.network.state_dict(), network.state_dict()
        floats = [key for key, value in theirs.items() if value.is_floating_point()]
        torch._foreach_lerp_([mine[key] for key in floats], [theirs[key] for key in floats], 1 - decay)
        for key in theirs.keys() - set(floats):
            mine[key].copy_(theirs[key])
