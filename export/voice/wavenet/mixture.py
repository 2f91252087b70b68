"""Mixtures of logistics over the 16-bit levels of a sample: their likelihood, and draws from them.

"Parameters" are [..., 3 * mixtures]: logits of the components' weights, their means, logarithms of their scales.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

LEVELS = 1 << 16  # of 16-bit audio between -1 and 1
MIN_LOG_SCALE = -12.0


def shifted(parameters: Tensor, prediction: Tensor, gain: Tensor) -> Tensor:
    """The mixture [..., 3 * mixtures] of an excitation of unit power as that of the waveform: [...] each."""
    weights, means, log_scales = parameters.chunk(3, -1)
    means = prediction[..., None] + gain[..., None] * means
    return torch.cat([weights, means, log_scales + gain.log()[..., None]], -1)


def log_likelihood(parameters: Tensor, waveform: Tensor) -> Tensor:
    """Of samples, as 16-bit levels: parameters [..., 3 * mixtures], float32 [...] in -1..1 -> nats [...].

    A level's probability is the mixture's between its two edges, the outermost reaching to infinity (Salimans et al.
    2017, equations 1 and 2). Where that is too small for float32 it is density times width.
    """
    weights, means, log_scales = parameters.chunk(3, -1)
    log_scales = log_scales.clamp(min=MIN_LOG_SCALE)
    half = 1 / (LEVELS - 1)
    centred = waveform[..., None] - means
    upper = (centred + half) * (-log_scales).exp()
    lower = (centred - half) * (-log_scales).exp()
    middle = centred * (-log_scales).exp()
    mass = upper.sigmoid() - lower.sigmoid()
    density = middle - log_scales - 2 * F.softplus(middle) + math.log(2 * half)
    inside = torch.where(mass > 1e-5, mass.clamp(min=1e-12).log(), density)
    edge = waveform[..., None]
    logs = torch.where(
        edge < -1 + half, F.logsigmoid(upper), torch.where(edge > 1 - half, F.logsigmoid(-lower), inside)
    )
    return (weights.log_softmax(-1) + logs).logsumexp(-1)


def sample(parameters: Tensor, uniform: Tensor, temperature: float = 1.0) -> Tensor:
    """One draw from each mixture: [..., 3 * mixtures], uniform [..., 2] -> [...] in -1..1.

    The first number chooses the component, the second the value; `temperature` scales the logistics.
    """
    weights, means, log_scales = parameters.chunk(3, -1)
    below = weights.softmax(-1).cumsum(-1) < uniform[..., :1]
    which = below.sum(-1, keepdim=True).clamp(max=weights.shape[-1] - 1)
    mean = means.gather(-1, which)[..., 0]
    scale = log_scales.clamp(min=MIN_LOG_SCALE).gather(-1, which)[..., 0].exp()
    value = uniform[..., 1]
    return (mean + temperature * scale * (value.log() - (1 - value).log())).clamp(-1, 1)
