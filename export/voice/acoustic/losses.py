"""What the acoustic model is trained by: its losses, and the heads that only training needs."""

from torch import Tensor, nn

from ...layers.recurrent import valid_mask
from ..mel import MELS
from . import phones
from .model import AcousticDims


class Heads(nn.Module):
    """What only training needs: a guess of each token's mean mel, for aligning, and its phones, for pronunciation."""

    def __init__(self, dims: AcousticDims):
        super().__init__()
        self.mean = nn.Linear(dims.width, MELS)
        self.phones = nn.Linear(dims.width, 2 * (phones.BLANK + 1))  # a letter is two phones at most: x, u

    def phone_logits(self, states: Tensor) -> Tensor:
        """Encoder states [batch, n, width] -> CTC logits [batch, 2 * n, phones + blank]."""
        return self.phones(states).reshape(states.shape[0], -1, phones.BLANK + 1)


def mel_loss(before: Tensor, after: Tensor, target: Tensor, frames: Tensor) -> Tensor:
    """Mean absolute error of both estimates [batch, >= time, mels] over the valid frames, summed."""
    valid = valid_mask(frames, target.shape[1])
    target = target[valid]
    return sum((mel[:, : valid.shape[1]][valid] - target).abs().mean() for mel in (before, after))


def duration_loss(predicted: Tensor, durations: Tensor, counts: Tensor) -> Tensor:
    """Poisson deviance of the durations under the predicted logarithms, [batch, n], a frame: 0 where they agree.

    It is least at the mean duration, so that sentences come out as long as they are spoken. A squared error of the
    logarithm is least at the geometric mean: speech a third too fast, for some letters are silent and some are long.
    """
    valid = valid_mask(counts, durations.shape[1])
    log, known = predicted[valid].float(), durations[valid].float().clamp(min=1)
    return (log.exp() - known + known * (known.log() - log)).sum() / known.sum()
