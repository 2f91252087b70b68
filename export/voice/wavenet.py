"""The paper's vocoder: WaveNet (van den Oord et al. 2016, arXiv 1609.03499) as in Tacotron 2, on log-mels.

Sample after sample, a stack of dilated causal convolutions says how the next one is distributed: as a mixture of
logistic distributions, of which it gives weights, means and logarithms of scales (section III-C of the paper, after
Salimans et al. 2017, arXiv 1701.05517). It is the faithful vocoder and a slow one; `vocoder.py` is the default.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .mel import HOP, MELS

LEVELS = 1 << 16  # of 16-bit audio between -1 and 1
MIN_LOG_SCALE = -12.0
UPSAMPLING = (16, 16)  # of mel frames to samples, in two layers as in Tacotron 2


@dataclass(frozen=True)
class WaveNetDims:
    """`layers` in `cycles` of dilations 1, 2, 4, ...; channels."""

    layers: int
    cycles: int
    residual: int
    skip: int
    condition: int
    mixtures: int = 10

    @property
    def dilations(self) -> list[int]:
        return [1 << i % (self.layers // self.cycles) for i in range(self.layers)]

    @property
    def receptive_field(self) -> int:
        """How many earlier samples the distribution of one depends on."""
        return sum(self.dilations) + 1


# 30 layers in 3 cycles are Tacotron 2's (Shen et al. 2018, section 2.3); neither it nor the paper gives channels:
# these are of the open implementations
PAPER = WaveNetDims(layers=30, cycles=3, residual=512, skip=256, condition=80)
COMPACT = WaveNetDims(layers=20, cycles=2, residual=64, skip=64, condition=32)
CONFIGS = {"paper": PAPER, "compact": COMPACT}


class Layer(nn.Module):
    """Gated activation of the present and of the sample `dilation` ago, under the mels."""

    def __init__(self, dims: WaveNetDims, dilation: int):
        super().__init__()
        self.dilation = dilation
        self.past = nn.Linear(dims.residual, 2 * dims.residual, bias=False)
        self.present = nn.Linear(dims.residual, 2 * dims.residual)
        self.condition = nn.Linear(dims.condition, 2 * dims.residual, bias=False)
        self.out = nn.Linear(dims.residual, dims.residual)
        self.skip = nn.Linear(dims.residual, dims.skip)

    def forward(self, x: Tensor, past: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """[..., residual] now and `dilation` samples ago, `self.condition` applied already -> next x, skip."""
        value, gate = (self.present(x) + self.past(past) + condition).chunk(2, -1)
        y = value.tanh() * gate.sigmoid()
        return (x + self.out(y)) * math.sqrt(0.5), self.skip(y)


class WaveNet(nn.Module):
    """Waveform so far and log-mels -> distribution of every sample."""

    def __init__(self, dims: WaveNetDims):
        super().__init__()
        self.dims = dims
        widths = (MELS, *[dims.condition] * len(UPSAMPLING))
        self.upsample = nn.ModuleList(
            nn.ConvTranspose1d(a, b, 2 * factor, factor, factor // 2)
            for a, b, factor in zip(widths, widths[1:], UPSAMPLING, strict=False)
        )
        self.input = nn.Linear(1, dims.residual)
        self.layers = nn.ModuleList(Layer(dims, dilation) for dilation in dims.dilations)
        self.head = nn.Sequential(
            nn.ReLU(), nn.Linear(dims.skip, dims.skip), nn.ReLU(), nn.Linear(dims.skip, 3 * dims.mixtures)
        )

    def condition(self, mel: Tensor) -> Tensor:
        """[batch, frames, 80] -> [batch, 256 (frames - 1), condition]: one for each sample between the frames."""
        x = (mel.transpose(1, 2) + 4) / 3
        for layer in self.upsample:
            x = F.leaky_relu(layer(x), 0.4)
        return x[..., HOP // 2 : -HOP // 2].transpose(1, 2)  # frames are centred on multiples of HOP

    def forward(self, waveform: Tensor, mel: Tensor) -> Tensor:
        """[batch, 256 (frames - 1)] in -1..1, [batch, frames, 80] -> parameters [batch, samples, 3 * mixtures].

        The parameters at t depend on the samples before t and on the mels.
        """
        condition = self.condition(mel)
        x = self.input(F.pad(waveform, (1, 0))[:, :-1, None])
        total = 0
        for layer in self.layers:
            past = F.pad(x, (0, 0, layer.dilation, 0))[:, : x.shape[1]]
            x, skip = layer(x, past, layer.condition(condition))
            total = total + skip
        return self.head(total * math.sqrt(1 / len(self.layers)))


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


def sample(parameters: Tensor, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
    """One draw from each mixture: [..., 3 * mixtures] -> [...] in -1..1. `temperature` scales the logistics."""
    weights, means, log_scales = parameters.chunk(3, -1)
    uniform = torch.rand(weights.shape, generator=generator).clamp(1e-5, 1 - 1e-5)
    which = (weights - (-uniform.log()).log()).argmax(-1, keepdim=True)  # Gumbel
    uniform = torch.rand(weights.shape[:-1], generator=generator).clamp(1e-5, 1 - 1e-5)
    mean, scale = (
        means.gather(-1, which)[..., 0],
        log_scales.clamp(min=MIN_LOG_SCALE).gather(-1, which)[..., 0].exp(),
    )
    return (mean + temperature * scale * (uniform.log() - (1 - uniform).log())).clamp(-1, 1)


class Stepper:
    """WaveNet one sample at a time: every layer keeps its last `dilation` inputs in a ring instead of recomputing."""

    @torch.inference_mode()
    def __init__(self, model: WaveNet, mel: Tensor):
        self.model = model
        condition = model.condition(mel)
        self.samples = condition.shape[1]
        self._conditions = [layer.condition(condition) for layer in model.layers]
        self._rings = [torch.zeros(mel.shape[0], d, model.dims.residual) for d in model.dims.dilations]
        self._t = 0

    @torch.inference_mode()
    def __call__(self, previous: Tensor) -> Tensor:
        """Sample t - 1 (0 at first) float32 [batch] -> parameters of sample t [batch, 3 * mixtures]."""
        x, total = self.model.input(previous[:, None]), 0
        for layer, condition, ring in zip(self.model.layers, self._conditions, self._rings, strict=True):
            slot = self._t % layer.dilation
            past = ring[:, slot].clone()
            ring[:, slot] = x
            x, skip = layer(x, past, condition[:, self._t])
            total = total + skip
        self._t += 1
        return self.model.head(total * math.sqrt(1 / len(self.model.layers)))


def generate(
    model: WaveNet, mel: Tensor, generator: torch.Generator | None = None, temperature: float = 1.0
) -> Tensor:
    """Log-mels [batch, frames, 80] -> waveform [batch, 256 (frames - 1)], drawn sample by sample."""
    step = Stepper(model, mel)
    waveform = torch.zeros(mel.shape[0], step.samples)
    previous = torch.zeros(mel.shape[0])
    for t in range(step.samples):
        previous = sample(step(previous), generator, temperature)
        waveform[:, t] = previous
    return waveform
