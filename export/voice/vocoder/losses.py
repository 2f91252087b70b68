"""What a vocoder is trained by: spectra at several resolutions, and discriminators of spectrograms."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..mel import log_mel

RESOLUTIONS = (256, 512, 1024, 2048)  # FFT lengths, 16 to 128 ms; hop a quarter
FLOOR = 1e-3  # of a magnitude before its logarithm
JUDGED = (512, 1024, 2048)  # FFT lengths of the discriminators


def magnitudes(waveform: Tensor, n: int) -> Tensor:
    """[batch, samples] -> [batch, n / 2 + 1, frames], scaled by 1 / sqrt(n) so that noise measures alike at any n."""
    window = torch.hann_window(n, device=waveform.device)
    spectra = torch.stft(waveform, n, n // 4, window=window, return_complex=True)
    return (spectra.real.square() + spectra.imag.square() + 1e-9).sqrt() * n**-0.5


def spectral_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Yamamoto et al. (2020, Parallel WaveGAN), equations 4 to 6: spectral convergence and log magnitudes' L1."""
    total = found.new_zeros(())
    for n in RESOLUTIONS:
        a, b = magnitudes(found, n), magnitudes(wanted, n)
        convergence = (a - b).norm(dim=(1, 2)) / b.norm(dim=(1, 2)).clamp(min=1e-3)
        total = total + convergence.mean() + F.l1_loss((a + FLOOR).log(), (b + FLOOR).log())
    return total / len(RESOLUTIONS)


def mel_distance(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of log-mels, nepers; the loss that a listener agrees with most."""
    return F.l1_loss(log_mel(found), log_mel(wanted))


class SpectrogramJudge(nn.Module):
    """One resolution's discriminator (Jang et al. 2021, UnivNet), small: strided convolutions over (bins, frames)."""

    def __init__(self, n: int, channels: int):
        super().__init__()
        self.n = n
        conv = nn.utils.parametrizations.weight_norm
        shapes = (  # channels in and out, kernel, stride, padding
            (1, channels, (7, 5), (4, 1), (3, 2)),
            (channels, channels, (5, 5), (2, 2), (2, 2)),
            (channels, 2 * channels, (5, 3), (2, 2), (2, 1)),
            (2 * channels, 2 * channels, (5, 3), (2, 1), (2, 1)),
        )
        self.layers = nn.ModuleList(conv(nn.Conv2d(*shape)) for shape in shapes)
        self.output = conv(nn.Conv2d(2 * channels, 1, 3, padding=1))

    def forward(self, waveform: Tensor) -> list[Tensor]:
        """[batch, samples] -> every layer's features, the last of them the verdict."""
        x = (magnitudes(waveform, self.n)[:, None] + FLOOR).log() / 3 + 1
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return [*features, self.output(x)]


class Judges(nn.Module):
    """A discriminator for each resolution of `JUDGED`."""

    def __init__(self, channels: int = 16):
        super().__init__()
        self.judges = nn.ModuleList(SpectrogramJudge(n, channels) for n in JUDGED)

    def forward(self, waveform: Tensor) -> list[list[Tensor]]:
        """[batch, samples] -> each one's features and verdict."""
        return [judge(waveform) for judge in self.judges]


def judge_loss(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Hinge loss of the discriminators."""
    return sum(F.relu(1 - r[-1]).mean() + F.relu(1 + m[-1]).mean() for r, m in zip(real, made, strict=True)) / len(real)


def fooling_loss(made: list[list[Tensor]]) -> Tensor:
    """The generator's part of the hinge loss, cut off where the discriminator is fooled."""
    return sum(F.relu(1 - m[-1]).mean() for m in made) / len(made)


def feature_loss(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Feature matching (Kumar et al. 2019, MelGAN): L1 between the discriminators' layers, the layers alike."""
    pairs = [(a.detach(), b) for r, m in zip(real, made, strict=True) for a, b in zip(r[:-1], m[:-1], strict=True)]
    return sum(F.l1_loss(b, a) / (a.abs().mean() + 1e-3) for a, b in pairs) / len(pairs)
