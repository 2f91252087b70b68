"""What Tacotron is trained by: spectra, the end, and attention that goes along the text."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ...layers.recurrent import valid_mask


def off_diagonal(counts: Tensor, steps: Tensor, width: float = 0.2) -> Tensor:
    """What attention to (step t, token i) costs: 1 - exp(-(i / n - t / steps)^2 / (2 width^2)), 0 beyond the ends.

    int64 [batch] counts of tokens and steps -> [batch, steps, n]. Tachibana et al. 2018, equation 9.
    """
    token = torch.arange(int(counts.max()), device=counts.device) / counts[:, None]  # [batch, n]
    time = torch.arange(int(steps.max()), device=steps.device) / steps[:, None]  # [batch, steps]
    cost = 1 - torch.exp(-((token[:, None] - time[:, :, None]) ** 2) / (2 * width**2))
    inside = valid_mask(steps, time.shape[1])[:, :, None] & valid_mask(counts, token.shape[1])[:, None]
    return cost * inside


def guided_attention_loss(weights: Tensor, counts: Tensor, steps: Tensor) -> Tensor:
    """Mean cost of a step's attention off the diagonal; weights [batch, steps, n]."""
    return (weights * off_diagonal(counts, steps)).sum() / steps.sum()


def path_loss(weights: Tensor, path: Tensor, steps: Tensor) -> Tensor:
    """Kullback-Leibler divergence of attention from the `path` it should take, both [batch, steps, n]: 0 on it."""
    path = path[valid_mask(steps, path.shape[1])]
    weights = weights[valid_mask(steps, weights.shape[1])].clamp(min=1e-6)
    return (torch.special.xlogy(path, path) - path * weights.log()).sum(1).mean()


def tacotron_loss(
    first: Tensor, after: Tensor, stops: Tensor, target: Tensor, frames: Tensor, reduction: int
) -> tuple[Tensor, Tensor]:
    """Squared error of both mels over the valid frames, and of the stop decision, which is due from the last step on.

    Padding steps count for the stop too: after the end it has to stay with its decision.
    """
    inside = valid_mask(frames, target.shape[1])
    spectrum = sum(F.mse_loss(mel[inside], target[inside]) for mel in (first, after))
    steps = -(-frames // reduction)
    due = (torch.arange(stops.shape[1], device=stops.device) >= (steps - 1)[:, None]).float()
    return spectrum, F.binary_cross_entropy_with_logits(stops, due)
