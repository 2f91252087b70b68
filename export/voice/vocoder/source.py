"""The fast vocoder's signal processing, without weights: pulse trains, and spectra as any ONNX runtime makes them."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gr_deepsc.framing import SAMPLE_RATE

from ..mel import FLOOR, HOP, N_FFT

BINS = N_FFT // 2 + 1


def pulses(f0: Tensor, start: Tensor | float = 0.0) -> Tensor:
    """Band-limited unit-power pulses: Hz [batch, n + 1] at multiples of 256 samples -> [batch, 256 n].

    All harmonics below 8 kHz in equal strength, summed in closed form (Stilson and Smith 1996). The phase (in periods,
    from `start`) is exact over any length: it is summed frame by frame in double precision.
    """
    f0 = f0.double() / SAMPLE_RATE  # periods a sample
    step = (f0[:, 1:] - f0[:, :-1]) / HOP
    whole = HOP * f0[:, :-1] + step * (HOP * (HOP - 1) / 2)
    before = whole.cumsum(1) - whole + start
    j = torch.arange(HOP, device=f0.device)
    phase = before[..., None] + f0[:, :-1, None] * j + step[..., None] * (j * (j - 1) / 2)
    phase = (phase - (phase + 0.5).floor()).float().flatten(1)
    rate = (f0[:, :-1, None] + step[..., None] * j).float().flatten(1)
    room = 0.5 / rate - 1
    harmonics = room.floor()
    sine = torch.sin(math.pi * phase)
    near = sine.abs() < 1e-5
    ratio = torch.sin((2 * harmonics + 1) * math.pi * phase) / torch.where(near, 1.0, sine)
    ratio = torch.where(near, 2 * harmonics + 1, ratio) - 1
    last = 2 * (room - harmonics) * torch.cos(2 * math.pi * (harmonics + 1) * phase)  # fades in under 8 kHz
    return (ratio + last) / (2 * room + 1).sqrt()


class Fourier(nn.Module):
    """STFT and inverse with one Hann-windowed basis as convolutions, which any ONNX runtime computes alike."""

    def __init__(self):
        super().__init__()
        window = torch.hann_window(N_FFT, dtype=torch.float64)
        whole = torch.outer(torch.arange(BINS), torch.arange(N_FFT)) % N_FFT  # 512 turns would cost precision
        angle = whole.double() * (2 * math.pi / N_FFT)
        basis = torch.cat([angle.cos(), -angle.sin()]) * window
        self.register_buffer("basis", basis[:, None].float(), persistent=False)
        weight = torch.full((BINS, 1), 2 / N_FFT)
        weight[0] = weight[-1] = 1 / N_FFT
        self.register_buffer("weight", torch.cat([weight, weight]), persistent=False)
        self.register_buffer("square", window.square().float()[None, None], persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """[batch, samples] -> real, then imaginary parts [batch, 1026, (samples - 1024) // 256 + 1]; no padding."""
        return F.conv1d(waveform[:, None], self.basis, stride=HOP)

    def inverse(self, spectra: Tensor) -> Tensor:
        """[batch, 1026, frames] centred at multiples of 256 samples -> [batch, 256 (frames - 1)]."""
        summed = F.conv_transpose1d(spectra * self.weight, self.basis, stride=HOP)
        envelope = F.conv_transpose1d(torch.ones_like(spectra[:1, :1]), self.square, stride=HOP)
        half = N_FFT // 2
        return (summed[..., half:-half] / envelope[..., half:-half])[:, 0]


def magnitude(spectra: Tensor) -> Tensor:
    """[batch, 1026, frames] -> [batch, 513, frames]."""
    real, imaginary = spectra.chunk(2, 1)
    return (real.square() + imaginary.square() + FLOOR**2).sqrt()


def band_to_bin(filters: Tensor) -> Tensor:
    """[80, 513] that interpolates values of mel bands to bins; each bin's weights sum to 1."""
    triangles = filters / filters.amax(1, keepdim=True)
    triangles[:, 0], triangles[:, -1] = triangles[:, 1], triangles[:, -2]
    return triangles / triangles.sum(0)
