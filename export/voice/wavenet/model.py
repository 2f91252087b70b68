"""The paper's vocoder: WaveNet (van den Oord et al. 2016, arXiv 1609.03499) as in Tacotron 2, on log-mels.

Sample after sample, a stack of dilated causal convolutions says how the next one is distributed: as a mixture of
logistic distributions, of which it gives weights, means and logarithms of scales (section III-C of the paper, after
Salimans et al. 2017, arXiv 1701.05517). It is the faithful vocoder and a slow one; `vocoder` is the default.

The configuration that is trained here, `excitation`, is an LP-WaveNet: see `prediction`. What it is told of the
past is divided by the level that the mels give, and it looks one pitch period back, at the F0 that the fast vocoder's
pitch layer reads off the mels (as the pitch-adaptive layers of QPNet do, Wu et al. 2019, arXiv 1907.00797).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.voice.wavenet import ORDER, SUBHOP, TAPS

from ..mel import HOP, MELS
from ..vocoder.model import Pitch, VocoderDims
from .mixture import shifted
from .prediction import SUBFRAMES, Prediction, predict, subframes


@dataclass(frozen=True)
class WaveNetDims:
    """`layers` in `cycles` of dilations 1, 2, 4, ...; channels; what the network is told."""

    layers: int
    cycles: int
    residual: int
    skip: int
    condition: int
    mixtures: int = 10
    upsampling: tuple[int, ...] = (16, 16)  # of mel frames, in two layers to samples as in Tacotron 2
    predicts: bool = False  # linear prediction: the network learns the excitation
    pitch: bool = False  # inputs a pitch period ago; needs `predicts`

    @property
    def dilations(self) -> list[int]:
        """Of each layer, in samples."""
        return [1 << i % (self.layers // self.cycles) for i in range(self.layers)]

    @property
    def inputs(self) -> int:
        """Previous sample; with prediction also that and the previous excitation; with pitch the taps."""
        return 1 + 2 * self.predicts + len(TAPS) * self.pitch


# 30 layers in 3 cycles are Tacotron 2's (Shen et al. 2018, section 2.3); neither it nor the paper gives channels:
# these are of the open implementations
PAPER = WaveNetDims(layers=30, cycles=3, residual=512, skip=256, condition=80)
COMPACT = WaveNetDims(layers=20, cycles=2, residual=64, skip=64, condition=32)
EXCITATION = WaveNetDims(
    layers=16, cycles=2, residual=64, skip=64, condition=64, upsampling=(SUBFRAMES,), predicts=True, pitch=True
)
CONFIGS = {"paper": PAPER, "compact": COMPACT, "excitation": EXCITATION}


class Layer(nn.Module):
    """Gated activation of the present and of the sample `dilation` ago, under the mels."""

    def __init__(self, dims: WaveNetDims, dilation: int):
        super().__init__()
        self.dilation = dilation
        self.condition = nn.Linear(dims.condition, 2 * dims.residual)
        self.present = nn.Linear(dims.residual, 2 * dims.residual, bias=False)
        self.out = nn.Linear(dims.residual, dims.residual)

    def forward(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """[..., residual] now; projected past and condition [..., 2 * residual] -> next x, this layer's output."""
        value, gate = (told + self.present(x)).split(x.shape[-1], -1)
        y = value.tanh() * gate.sigmoid()
        return (x + self.out(y)) * math.sqrt(0.5), y


class Guide(NamedTuple):
    """What the mels say of every sub-frame of 64 samples, n = 4 (frames - 1) of them, beside `condition`."""

    a: Tensor  # prediction coefficients [batch, n, 16]
    gain: Tensor  # standard deviation of the excitation [batch, n]
    level: Tensor  # standard deviation of the waveform [batch, n]
    lag: Tensor  # pitch period in samples, int64 [batch, n]


class WaveNet(nn.Module):
    """Waveform so far and log-mels -> distribution of every sample."""

    def __init__(self, dims: WaveNetDims):
        super().__init__()
        self.dims = dims
        features = MELS
        if dims.predicts:
            self.prediction = Prediction()
            self.pitch = Pitch(VocoderDims.pitch_width)  # the fast vocoder's, trained there
            self.pitch.requires_grad_(False)
            features = 2 * dims.condition
            self.context = nn.Sequential(
                nn.Conv1d(MELS + 2, features, 5, padding=2), nn.GELU(), nn.Conv1d(features, features, 3, padding=1)
            )
        widths = (features, *[dims.condition] * len(dims.upsampling))
        self.upsample = nn.ModuleList(
            nn.ConvTranspose1d(a, b, 2 * factor, factor, factor // 2)
            for a, b, factor in zip(widths, widths[1:], dims.upsampling, strict=False)
        )
        self.input = nn.Linear(dims.inputs, dims.residual)
        self.layers = nn.ModuleList(Layer(dims, dilation) for dilation in dims.dilations)
        self.layers[-1].out = nn.Identity()  # nothing reads what it would lead to
        # of all layers: a generator looks up the past and adds up the layers' outputs in one go
        bound = dims.residual**-0.5
        self.past = nn.Parameter(torch.empty(dims.layers, dims.residual, 2 * dims.residual).uniform_(-bound, bound))
        self.skip = nn.Linear(dims.layers * dims.residual, dims.skip)
        self.head = nn.Sequential(
            nn.ReLU(), nn.Linear(dims.skip, dims.skip), nn.ReLU(), nn.Linear(dims.skip, 3 * dims.mixtures)
        )

    def condition(self, mel: Tensor) -> Tensor:
        """[batch, frames, 80] -> [batch, n (frames - 1), condition], n of them between two frames: 4 or 256."""
        x = (mel + 4) / 3
        if self.dims.predicts:
            f0, voicing = self.pitch(mel)
            x = torch.cat([x, voicing.sigmoid()[..., None], f0.float().log2()[..., None] - 7.5], 2)
            x = self.context(x.transpose(1, 2))
        else:
            x = x.transpose(1, 2)
        for layer in self.upsample:
            x = F.leaky_relu(layer(x), 0.4)
        half = math.prod(self.dims.upsampling) // 2
        return x[..., half:-half].transpose(1, 2)  # frames are centred on multiples of HOP

    def period(self, mel: Tensor) -> Tensor:
        """[batch, frames, 80] -> of the pitch, in samples of every sub-frame: float64 [batch, n]."""
        f0, _ = self.pitch(mel)
        return SAMPLE_RATE / subframes(f0.log()).exp()

    def guide(self, mel: Tensor) -> Guide:
        """Log-mels float32 [batch, frames, 80] -> what prediction and pitch need; without them nothing is predicted."""
        if self.dims.predicts:
            return Guide(*self.prediction(mel), self.period(mel).round().long())
        one = torch.ones_like(subframes(mel)[..., 0])
        return Guide(torch.zeros_like(one)[..., None].repeat(1, 1, ORDER), one, one, ORDER * one.long())

    def inputs(self, waveform: Tensor, guide: Guide) -> tuple[Tensor, Tensor]:
        """Of every sample, from those before it: the network's inputs [batch, samples, inputs]; the prediction."""
        prediction = predict(waveform, guide.a)
        excitation = F.pad(waveform - prediction, (1, 0))[:, :-1]
        found = [excitation]
        ago = torch.arange(1, waveform.shape[1] + 1, device=waveform.device) - guide.lag.repeat_interleave(SUBHOP, 1)
        for tap in TAPS:
            at = ago + tap
            found.append(torch.where(at > 0, excitation.gather(1, at.clamp(min=0)), 0))
        gain, level = guide.gain.repeat_interleave(SUBHOP, 1), guide.level.repeat_interleave(SUBHOP, 1)
        previous = F.pad(waveform, (1, 0))[:, :-1]
        return self.relative(previous, prediction, torch.stack(found, 2), gain, level), prediction

    def relative(self, previous: Tensor, prediction: Tensor, excitation: Tensor, gain: Tensor, level: Tensor) -> Tensor:
        """[...], excitation [..., 6] -> the network's inputs: relative to the mels' levels, large ones compressed."""
        heard = torch.stack([previous, prediction], -1) / level[..., None]
        x = torch.cat([heard, excitation / gain[..., None]], -1)[..., : self.dims.inputs]
        return x.sign() * x.abs().log1p()

    def forward(self, waveform: Tensor, mel: Tensor, margin: int = 0) -> Tensor:
        """[batch, 256 (frames - 1)] in -1..1, [batch, frames, 80] -> parameters [batch, samples, 3 * mixtures].

        The parameters at t depend on the samples before t and on the mels. The convolutions leave out the first and
        the last `margin` frames, which are context of the mels and of the prediction only.
        """
        with torch.autocast(mel.device.type, enabled=False):
            guide = self.guide(mel)
            x, prediction = self.inputs(waveform, guide)
        condition, per_frame = self.condition(mel), math.prod(self.dims.upsampling)
        condition = condition[:, margin * per_frame : condition.shape[1] - margin * per_frame, None]
        kept = slice(margin * HOP, x.shape[1] - margin * HOP)
        x = self.stack(x[:, kept], condition).float()
        return shifted(x, prediction[:, kept], guide.gain.repeat_interleave(SUBHOP, 1)[:, kept])

    def stack(self, x: Tensor, condition: Tensor) -> Tensor:
        """Inputs [batch, samples, inputs], condition [batch, n, 1, condition] -> [batch, samples, 3 * mixtures]."""
        x, made = self.input(x), []
        shape = condition.shape[1], x.shape[1] // condition.shape[1]
        for layer, past in zip(self.layers, self.past, strict=True):
            before = F.pad(x, (0, 0, layer.dilation, 0))[:, : x.shape[1]]
            told = (before @ past).unflatten(1, shape) + layer.condition(condition)
            x, y = layer(x, told.flatten(1, 2))
            made.append(y)
        return self.head(self.skip(torch.cat(made, -1)))
