"""Linear prediction whose coefficients are read off log-mels: what LP-WaveNet adds to WaveNet.

LPCNet (Valin and Skoglund 2019, arXiv 1810.11846, section 3.1) computes the coefficients from the features that the
vocoder is given anyway: power spectrum -> autocorrelation -> Levinson-Durbin. LP-WaveNet (Hwang et al. 2020, arXiv
1811.11913) shifts the means of the mixture by the prediction, so that the network learns the excitation only.
"""

import math

import torch
from torch import Tensor, nn

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.voice.wavenet import ORDER, SUBHOP

from ..mel import HOP, N_FFT, WINDOW, band_filters
from ..vocoder.source import band_to_bin

SUBFRAMES = HOP // SUBHOP  # of a mel frame, each with coefficients of its own
LSB = 2.0**-15  # of 16-bit audio: the least noise of any recording
WHITE = 1e-5  # of the power, added as white noise: bounds the prediction's gain to 50 dB
LOUDEST = 7.0  # nepers: |X| of a full-scale sine is 6.2; acoustic models may put out anything
LAG_BANDWIDTH = 40.0  # Hz: resolved harmonics are no resonances


def subframes(frames: Tensor) -> Tensor:
    """Values at frames [batch, n, ...], joined by lines, at the middles of sub-frames [batch, 4 (n - 1), ...]."""
    at = (torch.arange(SUBFRAMES, device=frames.device) + 0.5) / SUBFRAMES
    at = at.reshape(1, 1, SUBFRAMES, *[1] * (frames.dim() - 2))
    return (frames[:, :-1, None] * (1 - at) + frames[:, 1:, None] * at).flatten(1, 2)


def levinson(r: Tensor) -> tuple[Tensor, Tensor]:
    """Autocorrelation [..., order + 1] -> the best linear prediction of order `order` (Levinson-Durbin).

    Returns:
        Coefficients a_1 .. a_order [..., order] of x_t = sum a_k x_{t-k}; the error's power [...].
    """
    a, error = r[..., :0], r[..., 0]
    for k in range(1, r.shape[-1]):
        reflection = (r[..., k] - (a * r[..., 1:k].flip(-1)).sum(-1)) / error
        a = torch.cat([a - reflection[..., None] * a.flip(-1), reflection[..., None]], -1)
        error = error * (1 - reflection.square())
    return a, error


class Prediction(nn.Module):
    """Log-mels float32 [batch, frames, 80] -> a prediction of every sub-frame, n = 4 (frames - 1) of them."""

    def __init__(self):
        super().__init__()
        filters = band_filters()
        power_of_window = torch.hann_window(WINDOW).square().sum()
        # log mels -> log magnitudes of bins -> power spectral density -> autocorrelation
        self.register_buffer("spread", band_to_bin(filters), persistent=False)
        offset = -filters.sum(1).log() - 0.5 * power_of_window.log()
        self.register_buffer("offset", offset, persistent=False)
        bins, lags = torch.arange(N_FFT // 2 + 1, dtype=torch.float64), torch.arange(ORDER + 1)
        weight = torch.full((len(bins), 1), 2 / N_FFT, dtype=torch.float64)
        weight[0] = weight[-1] = 1 / N_FFT
        cosines = weight * torch.cos(2 * math.pi / N_FFT * bins[:, None] * lags)
        lag_window = torch.exp(-0.5 * (2 * math.pi * LAG_BANDWIDTH / SAMPLE_RATE * lags.double()).square())
        # in double precision: rounded cosines make no autocorrelation, and Levinson's error may become negative
        self.register_buffer("transform", cosines * lag_window, persistent=False)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Coefficients [batch, n, 16]; the excitation's and the waveform's standard deviation [batch, n]."""
        density = torch.exp(2 * ((subframes(mel) + self.offset) @ self.spread).clamp(max=LOUDEST).double())
        r = density @ self.transform
        level = r[..., :1]
        r = torch.cat([level * (1 + WHITE) + LSB**2, r[..., 1:]], -1)
        a, error = levinson(r)
        return a.float(), error.sqrt().float(), r[..., 0].sqrt().float()


def predict(waveform: Tensor, a: Tensor) -> Tensor:
    """Of every sample from those before it: float32 [batch, 64 n], coefficients [batch, n, 16] -> [batch, 64 n]."""
    before = nn.functional.pad(waveform, (ORDER, 0))[:, :-1].unfold(1, ORDER, 1)  # oldest first
    return (before.unflatten(1, (a.shape[1], SUBHOP)) @ a.flip(-1)[..., None]).flatten(1)
