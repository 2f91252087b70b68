"""Both ends of the channel codec with context: characters -> complex symbols -> characters.

It goes past the paper's codec in what it sends (characters, not frames), in what it sees (the whole utterance, both
ways), and in that it knows English: what noise has taken from a letter is made up from its neighbours.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gr_deepsc.codec.rates import RATES
from gr_deepsc.phy.frame import STRENGTH
from gr_deepsc.text import WRITTEN_TOKENS

from ..layers.recurrent import BiGRU, valid_mask

SYMBOLS = torch.tensor(tuple(RATES.values()))  # a character, by rate
MOST = int(SYMBOLS.max())


@dataclass(frozen=True)
class ContextualDims:
    """4.1 million parameters."""

    sender: int = 192  # width of its encoder
    receiver: int = 256  # width of its decoder
    units: int = 256  # a direction of the decoder's BiGRUs
    reach: int = 5  # characters that a convolution sees


class ByRate(nn.Module):
    """A dense layer for each rate."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(len(SYMBOLS), inputs, outputs).uniform_(-1, 1) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(len(SYMBOLS), 1, outputs))

    def forward(self, x: Tensor, rate: Tensor) -> Tensor:
        """[batch, n, inputs] -> [batch, n, outputs]; `rate` is int64 [], an index of `SYMBOLS`."""
        return x @ self.weight[rate] + self.bias[rate]


class ContextualEncoder(nn.Module):
    """Dense, convolution, BiGRU, dense by rate; then limited to the preamble's amplitude."""

    def __init__(self, dims: ContextualDims):
        super().__init__()
        self.letter = nn.Linear(WRITTEN_TOKENS, dims.sender)
        self.near = nn.Conv1d(dims.sender, dims.sender, dims.reach, padding=dims.reach // 2)
        self.far = BiGRU(dims.sender, dims.sender // 2)
        self.output = ByRate(dims.sender, 2 * MOST)

    def forward(self, letters: Tensor, rate: Tensor, counts: Tensor | None = None) -> Tensor:
        """Letters [batch, n, 75] (and the valid ones of each row) -> symbols [batch, n, 33, 2], E|x|^2 = 1.

        The first `SYMBOLS[rate]` of 33 are sent, the others are zeros. No symbol has more than `STRENGTH` times the
        mean energy, or hardly more.
        """
        inside = None if counts is None else valid_mask(counts, letters.shape[1])[..., None]
        x = masked(self.letter(letters), inside)
        x = x + F.relu(convolved(self.near, x))
        x = masked(x, inside)
        x = x + self.far(x, counts)
        x = masked(self.output(x, rate).float(), inside).unflatten(2, (MOST, 2))
        sent = SYMBOLS.to(rate.device)[rate]
        x = x * (torch.arange(MOST, device=x.device) < sent)[:, None]
        n = sent * (letters.shape[1] if counts is None else counts[:, None, None, None])
        x = unit_power(x, n)
        # at a distance from zero, or symbols that are not sent have no gradient but NaN
        energy = x.square().sum(3, keepdim=True).clamp_min(1e-6)
        return unit_power(x * (STRENGTH / energy).sqrt().clamp_max(1), n)


class ContextualDecoder(nn.Module):
    """Dense by rate, dense, convolution, three BiGRUs, dense. No guess waits for another: it takes one run."""

    def __init__(self, dims: ContextualDims):
        super().__init__()
        self.input = ByRate(3 * MOST, dims.receiver)
        self.hidden = nn.Linear(dims.receiver, dims.receiver)
        self.near = nn.Conv1d(dims.receiver, dims.receiver, dims.reach, padding=dims.reach // 2)
        self.far1 = BiGRU(dims.receiver, dims.units)
        self.far2 = BiGRU(2 * dims.units, dims.units)
        self.far3 = BiGRU(2 * dims.units, dims.units)
        self.output = nn.Linear(2 * dims.units, WRITTEN_TOKENS)

    def forward(self, symbols: Tensor, reliability: Tensor, rate: Tensor, counts: Tensor | None = None) -> Tensor:
        """Equalised symbols [batch, n, 33, 2] and their reliability [batch, n, 33] -> logits [batch, n, 75].

        What was not sent is zero, as what was not received.
        """
        x = torch.cat([symbols.flatten(2), reliability], dim=2)
        inside = None if counts is None else valid_mask(counts, x.shape[1])[..., None]
        x = masked(F.relu(self.hidden(F.relu(self.input(x, rate)))), inside)
        x = masked(x + F.relu(convolved(self.near, x)), inside)
        x = self.far1(x, counts)
        x = x + self.far2(x, counts)
        return self.output(x + self.far3(x, counts))


class ContextualCodec(nn.Module):
    """Both ends, so that they train together."""

    def __init__(self, dims: ContextualDims):
        super().__init__()
        self.dims = dims
        self.encoder = ContextualEncoder(dims)
        self.decoder = ContextualDecoder(dims)


def masked(x: Tensor, inside: Tensor | None) -> Tensor:
    """`x` with zeros beyond each row's end."""
    return x if inside is None else x * inside


def convolved(convolution: nn.Conv1d, x: Tensor) -> Tensor:
    """Along the axis in the middle: [batch, time, width] -> the same."""
    return convolution(x.transpose(1, 2)).transpose(1, 2)


def unit_power(x: Tensor, n: Tensor | int) -> Tensor:
    """Symbols [batch, ..., 2], of which `n` are sent, with a mean energy of 1."""
    return x / (x.square().sum((1, 2, 3), keepdim=True) / n).sqrt()
