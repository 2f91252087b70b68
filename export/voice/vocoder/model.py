"""The fast vocoder: mels -> pulses and noise, each through a filter that a network sets 62.5 times a second.

Backbone and inverse STFT are those of Vocos (Siuzdak 2023, arXiv 2306.00814). Vocos invents the phase of every bin,
which takes a GPU for days to learn; here phase comes from a source, as in the neural source-filter models (Wang et al.
2019, arXiv 1904.12088) and HiFTNet (Li et al. 2023, arXiv 2309.09493): a pulse train at the F0 that a small network
reads off the mels, and noise. Before any training the filters are the ratio of the wanted mel spectrum to the source's
own, which is a classic vocoder; the network starts from there.
"""

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..mel import HOP, MELS, N_FFT, band_filters
from ..pitch import F0_RANGE
from .source import BINS, Fourier, band_to_bin, magnitude, pulses

OVERLAP = N_FFT // HOP
NOISE_SAMPLES = 1 << 15  # of the stored noise, which repeats every 2 s
MAX_LOG_GAIN = 8.0
ONSETS = 4  # gains of a source in a frame: windows of 64 ms alone would smear the onset of a plosive
MAX_ONSET = 2.5  # logarithm of such a gain


@dataclass(frozen=True)
class VocoderDims:
    """Sizes of the fast vocoder."""

    width: int = 256
    hidden: int = 768  # inside a block
    blocks: int = 8
    pitch_width: int = 96


class Block(nn.Module):
    """ConvNeXt (Liu et al. 2022) in one dimension, as in Vocos: [batch, time, width] -> the same."""

    def __init__(self, width: int, hidden: int, scale: float):
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """Sees three frames to either side."""
        y = self.norm(self.depthwise(x.transpose(1, 2)).transpose(1, 2))
        return x + self.scale * self.down(F.gelu(self.up(y)))


class Pitch(nn.Module):
    """Mels -> F0 and voicing: [batch, frames, 80] -> Hz, float64 [batch, frames]; logits [batch, frames].

    F0 is the mean of a softmax over 128 steps of the range, in octaves, about its largest value.
    """

    STEPS = 128

    def __init__(self, width: int):
        super().__init__()
        self.input = nn.Conv1d(MELS, width, 5, padding=2)
        self.blocks = nn.Sequential(*(Block(width, 2 * width, 0.5) for _ in range(2)))
        self.output = nn.Linear(width, self.STEPS + 1)
        low, high = (math.log2(f) for f in F0_RANGE)
        self.register_buffer("octaves", torch.linspace(low, high, self.STEPS), persistent=False)

    def logits(self, mel: Tensor) -> Tensor:
        """[batch, frames, 129]: the steps of F0, then voicing."""
        level = mel.mean(2, keepdim=True)
        x = self.input(((mel - level) / 2).transpose(1, 2)).transpose(1, 2)
        return self.output(self.blocks(x))

    def margin(self, mel: Tensor) -> Tensor:
        """By how much the largest of F0's steps is ahead of the next, [batch, frames]."""
        first, second = self.logits(mel)[..., :-1].topk(2).values.unbind(-1)
        return first - second

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """F0 is given through unvoiced frames as well."""
        logits = self.logits(mel)
        steps, voicing = logits[..., :-1], logits[..., -1]
        peak = self.octaves[steps.argmax(2)]
        offset = self.octaves - peak[..., None]
        weights = torch.where(offset.abs() < 0.1, steps.softmax(2), 0.0)
        offset = (weights * offset).sum(2) / weights.sum(2)
        # in double precision, because phase is the sum of F0: float32 would leave 30 s of speech to chance by a
        # hundredth of a period, and no runtime could be compared with another
        return torch.exp((peak.double() + offset.double()) * math.log(2)), voicing


class Onsets(nn.Module):
    """Gains of the sources within the frames: [batch, frames, 80] -> [2 * batch, 256 (frames + 3)].

    The first half of the rows is for the pulses, the second for the noise. Log gains, `ONSETS` a frame about its
    middle, are joined by straight lines.
    """

    def __init__(self, width: int):
        super().__init__()
        self.input = nn.Conv1d(MELS, width, 5, padding=2)
        self.output = nn.Conv1d(width, 2 * ONSETS, 3, padding=1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        step = HOP // ONSETS
        triangle = 1 - (torch.arange(2 * step) - step).abs() / step
        self.register_buffer("triangle", triangle[None, None], persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """In 1 / e^2.5 .. e^2.5; 1 before any training."""
        level = mel.mean(2, keepdim=True)
        x = F.gelu(self.input(((mel - level) / 2).transpose(1, 2)))
        x = MAX_ONSET * torch.tanh(self.output(x))
        x = torch.cat(x.chunk(2, 1))  # [2 * batch, onsets, frames]
        x = torch.cat([x[..., :1]] * 2 + [x] + [x[..., -1:]] * 2, 2).transpose(1, 2).flatten(1)
        step = HOP // ONSETS
        lines = F.conv_transpose1d(x[:, None], self.triangle, stride=step)[:, 0]
        # the first gain of frame 0 belongs 1.5 steps before the middle of the first window
        begin = 2 * HOP + step - (N_FFT // 2 - (ONSETS - 1) * step // 2)
        return lines[:, begin : begin + (mel.shape[1] + OVERLAP - 1) * HOP].exp()


class Vocoder(nn.Module):
    """Log-mels float32 [batch, frames, 80] (`mel.log_mel`'s) -> waveform [batch, 256 (frames - 1)] at 16 kHz."""

    def __init__(self, dims: VocoderDims):
        super().__init__()
        self.dims = dims
        self.pitch = Pitch(dims.pitch_width)
        self.input = nn.Conv1d(2 * MELS + 2, dims.width, 7, padding=3)
        self.input_norm = nn.LayerNorm(dims.width)
        self.blocks = nn.ModuleList(Block(dims.width, dims.hidden, 1 / dims.blocks) for _ in range(dims.blocks))
        self.output_norm = nn.LayerNorm(dims.width)
        self.output = nn.Linear(dims.width, 3 * BINS)
        nn.init.normal_(self.output.weight, std=0.002)
        nn.init.zeros_(self.output.bias)
        self.fourier = Fourier()
        filters = band_filters()
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("spread", band_to_bin(filters), persistent=False)
        self.register_buffer("flat", self.filters.sum(1)[:, None] * math.sqrt(N_FFT), persistent=False)
        noise = torch.randn(NOISE_SAMPLES, generator=torch.Generator().manual_seed(0))
        self.register_buffer("noise", noise, persistent=False)
        self.onsets = Onsets(dims.pitch_width // 2)

    def forward(self, mel: Tensor) -> Tensor:
        """The waveform of sources whose pitch is read off the mels; the noise is a stored one."""
        f0, voicing = self.pitch(mel)
        samples = (mel.shape[1] + OVERLAP - 1) * HOP
        index = torch.arange(samples, device=mel.device) % NOISE_SAMPLES
        return self.synthesise(mel, f0, voicing, self.noise[index][None].expand(mel.shape[0], -1))

    def network(self, x: Tensor) -> Tensor:
        """[batch, frames, 162] -> corrections of the filters: log gain and phase of pulses, log gain of noise,
        [batch, frames, 3 * 513]."""
        x = self.input_norm(self.input(x.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        return self.output(self.output_norm(x))

    def synthesise(
        self,
        mel: Tensor,
        f0: Tensor,
        voicing: Tensor,
        noise: Tensor,
        start: Tensor | float = 0,
        precision: AbstractContextManager | None = None,
    ) -> Tensor:
        """The waveform of given sources, float32 [batch, 256 (frames - 1)].

        Args:
            mel: log-mels float32 [batch, frames, 80].
            f0: Hz [batch, frames], through unvoiced frames as well.
            voicing: logits [batch, frames].
            noise: of unit variance [batch, 256 (frames + 3)].
            start: phase of the first pulse in periods, [batch, 1].
            precision: what the network, not the signal processing, runs in: an autocast.
        """
        edges = torch.cat([f0[:, :1]] * 2 + [f0] + [f0[:, -1:]] * 2, 1)
        sources = self.fourier(torch.cat([pulses(edges, start), noise]) * self.onsets(mel))
        batch = mel.shape[0]
        harmonic, random = sources[:batch], sources[batch:]
        # between harmonics a pulse train has next to nothing: its level is floored, or the ratio would explode
        harmonic_mel = torch.log(self.filters @ magnitude(harmonic) + 0.1 * self.flat).transpose(1, 2)
        random_mel = torch.log(self.filters @ magnitude(random) + 0.1 * self.flat).transpose(1, 2)
        voiced = torch.sigmoid(voicing)[..., None]
        pulses_prior = (mel - harmonic_mel) @ self.spread + torch.log(0.05 + 0.95 * voiced)
        noise_prior = (mel - random_mel) @ self.spread + torch.log(1 - 0.9 * voiced)
        features = [(mel + 4) / 3, harmonic_mel - 2, voiced, torch.log2(f0.float())[..., None] - 7.5]
        with precision or nullcontext():
            x = self.network(torch.cat(features, 2)).float()
        pulses_gain, phase, noise_gain = x.split(BINS, 2)
        pulses_gain = (pulses_prior + pulses_gain).clamp(max=MAX_LOG_GAIN).exp().transpose(1, 2)
        noise_gain = (noise_prior + noise_gain).clamp(max=MAX_LOG_GAIN).exp().transpose(1, 2)
        phase = phase.transpose(1, 2)
        cosine, sine = pulses_gain * phase.cos(), pulses_gain * phase.sin()
        real, imaginary = harmonic.chunk(2, 1)
        filtered = torch.cat([real * cosine - imaginary * sine, real * sine + imaginary * cosine], 1)
        return self.fourier.inverse(filtered + random * torch.cat([noise_gain, noise_gain], 1))
