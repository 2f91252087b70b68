"""A discriminator of mels: errors alone are least at the mean of all ways to say a thing, which sounds muffled."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..mel import MELS

WIDTH = 96  # mel frames of an utterance that are judged, 1.5 s


class MelJudge(nn.Module):
    """Patches of normalised mels are judged (Isola et al. 2017, PatchGAN; Miyato et al. 2018 for the norm)."""

    def __init__(self, channels: int = 32):
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        shapes = (  # channels in and out, kernel, stride, padding over (frames, bands)
            (1, channels, (3, 5), (1, 2), (1, 2)),
            (channels, 2 * channels, (3, 5), (2, 2), (1, 2)),
            (2 * channels, 4 * channels, (3, 5), (2, 2), (1, 2)),
            (4 * channels, 4 * channels, 3, 1, 1),
        )
        self.layers = nn.ModuleList(norm(nn.Conv2d(*shape)) for shape in shapes)
        self.output = norm(nn.Conv2d(4 * channels, 1, 3, padding=1))

    def forward(self, mel: Tensor) -> list[Tensor]:
        """[batch, frames, mels] -> every layer's features, the last of them the verdict."""
        x, features = mel[:, None], []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return [*features, self.output(x)]


def windows(mels: Tensor, frames: Tensor, at: Tensor) -> Tensor:
    """`WIDTH` frames of each utterance, beginning where `at` (0 to 1) says; 0 behind a shorter one's end.

    [batch, time, mels], int64 [batch] and float [batch] -> [batch, WIDTH, mels].
    """
    begin = (at * ((frames - WIDTH).clamp(min=0) + 1)).long()
    index = begin[:, None] + torch.arange(WIDTH, device=mels.device)
    inside = index < frames[:, None]
    index = index.clamp(max=mels.shape[1] - 1)[..., None].expand(-1, -1, MELS)
    return mels.gather(1, index) * inside[..., None]
