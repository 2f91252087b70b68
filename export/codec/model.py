"""The channel codec: features P -> complex symbols, and equalised symbols -> logits of the tokens."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gr_deepsc.framing import SYMBOLS_PER_FRAME
from gr_deepsc.text import TOKENS

from ..layers.recurrent import BiGRU, valid_mask
from ..recogniser.config import CodecDims

REALS = 2 * SYMBOLS_PER_FRAME  # real and imaginary parts of a frame's symbols


class ChannelEncoder(nn.Module):
    """Dense, ReLU6, dense; then unit mean power over the utterance."""

    def __init__(self, dims: CodecDims):
        super().__init__()
        self.hidden = nn.Linear(TOKENS, dims.units)
        self.output = nn.Linear(dims.units, REALS)

    def forward(self, features: Tensor, frames: Tensor | None = None) -> Tensor:
        """P [batch, frames, 29] (and the valid frames of each row) -> symbols [batch, n, 2], E|x|^2 = 1."""
        x = self.output(F.relu6(self.hidden(features)))
        if frames is None:
            power = x.square().mean(dim=(1, 2), keepdim=True) * 2
        else:
            x = x * valid_mask(frames, x.shape[1])[..., None]
            power = x.square().sum(dim=(1, 2), keepdim=True) / (frames[:, None, None] * SYMBOLS_PER_FRAME)
        return (x / power.sqrt()).reshape(x.shape[0], -1, 2)


class ChannelDecoder(nn.Module):
    """Dense, ReLU6, dense, ReLU6, (BiGRU,) dense."""

    def __init__(self, dims: CodecDims):
        super().__init__()
        self.reliability = dims.reliability
        self.hidden1 = nn.Linear(REALS + SYMBOLS_PER_FRAME * dims.reliability, dims.units)
        self.hidden2 = nn.Linear(dims.units, dims.units)
        self.context = BiGRU(dims.units, dims.context) if dims.context else None
        self.output = nn.Linear(2 * dims.context or dims.units, TOKENS)

    def forward(self, symbols: Tensor, reliability: Tensor, frames: Tensor | None = None) -> Tensor:
        """Equalised symbols [batch, n, 2] and their reliability [batch, n] -> logits [batch, frames, 29]."""
        x = symbols.reshape(symbols.shape[0], -1, REALS)
        if self.reliability:
            x = torch.cat([x, reliability.reshape(x.shape[0], -1, SYMBOLS_PER_FRAME)], dim=2)
        x = F.relu6(self.hidden2(F.relu6(self.hidden1(x))))
        if self.context is not None:
            x = self.context(x, frames)
        return self.output(x)


class Codec(nn.Module):
    """Both ends, so that they train together."""

    def __init__(self, dims: CodecDims):
        super().__init__()
        self.encoder = ChannelEncoder(dims)
        self.decoder = ChannelDecoder(dims)
