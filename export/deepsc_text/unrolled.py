"""The text transformer as it is exported: torch's own attention layers bake the length of the example into ONNX.

The decoder goes one character at a time: what was computed of earlier ones is kept, not repeated.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .model import TextTransformer


class Sender(nn.Module):
    """Characters int64 [batch, n] -> symbols [batch, 8 n, 2], E|x|^2 = 1."""

    def __init__(self, model: TextTransformer):
        super().__init__()
        self.model = model
        self.own = projections([layer.self_attn for layer in model.encoder.layers])

    def forward(self, tokens: Tensor) -> Tensor:
        model = self.model
        x = model.embed(tokens)
        for layer, own in zip(model.encoder.layers, self.own, strict=True):
            x = x + attend(layer.self_attn, *own(layer.norm1(x)))
            x = x + layer.linear2(F.relu(layer.linear1(layer.norm2(x))))
        return model.modulate(x, None)


class Memory(nn.Module):
    """Equalised symbols [batch, 8 n, 2] and reliability [batch, 8 n] -> keys and values of all layers.

    They are float32 [layers, 2, batch, heads, n, d].
    """

    def __init__(self, model: TextTransformer):
        super().__init__()
        self.model = model
        self.kept = projections([layer.multihead_attn for layer in model.decoder.layers], first=1)

    def forward(self, symbols: Tensor, reliability: Tensor) -> Tensor:
        memory = self.model.hear(symbols, reliability)
        return torch.stack([torch.stack(kept(memory)) for kept in self.kept])


class Step(nn.Module):
    """The next character, from the last one and what `Memory` and earlier steps gave."""

    def __init__(self, model: TextTransformer):
        super().__init__()
        self.model = model
        self.own = projections([layer.self_attn for layer in model.decoder.layers])
        self.asked = projections([layer.multihead_attn for layer in model.decoder.layers], last=1)

    def forward(self, token: Tensor, place: Tensor, past: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Last character (START at first).

        Args:
            token: int64 [batch].
            place: int64 [1], how many characters came before.
            past: float32 [layers, 2, batch, heads, place, d], of the characters before.
            memory: float32 [layers, 2, batch, heads, n, d].

        Returns:
            log-probabilities [batch, 28], and `past` with this character.
        """
        model, now = self.model, []
        x = model.embedding(token)[:, None] * math.sqrt(model.dims.width) + model.places[place]
        for i, layer in enumerate(model.decoder.layers):
            query, key, value = self.own[i](layer.norm1(x))
            now.append(torch.cat([past[i], torch.stack([key, value])], 3))
            x = x + attend(layer.self_attn, query, now[-1][0], now[-1][1])
            (query,) = self.asked[i](layer.norm2(x))
            x = x + attend(layer.multihead_attn, query, memory[i, 0], memory[i, 1])
            x = x + layer.linear2(F.relu(layer.linear1(layer.norm3(x))))
        return model.output(model.decoder.norm(x[:, 0])).log_softmax(-1), torch.stack(now)


class Projection(nn.Module):
    """[batch, n, width] -> of queries, keys and values those from `first` to before `last`, [batch, heads, n, d]."""

    def __init__(self, attention: nn.MultiheadAttention, first: int, last: int):
        super().__init__()
        self.heads, self.parts = attention.num_heads, last - first
        wanted = slice(first * attention.embed_dim, last * attention.embed_dim)
        self.linear = nn.Linear(attention.embed_dim, self.parts * attention.embed_dim)
        self.linear.weight.data = attention.in_proj_weight.data[wanted].clone()
        self.linear.bias.data = attention.in_proj_bias.data[wanted].clone()

    def forward(self, x: Tensor) -> list[Tensor]:
        rows, n = x.shape[0], x.shape[1]
        made = self.linear(x).chunk(self.parts, -1)
        return [part.reshape(rows, n, self.heads, -1).transpose(1, 2) for part in made]


def projections(layers: Sequence[nn.MultiheadAttention], first: int = 0, last: int = 3) -> nn.ModuleList:
    """Query, key and value of each layer's attention, those from `first` to `last` of the three."""
    return nn.ModuleList(Projection(attention, first, last) for attention in layers)


def attend(attention: nn.MultiheadAttention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot products (Vaswani et al. 2017, equation 1) of all heads, [batch, n, width]."""
    weights = (query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])).softmax(-1)
    return attention.out_proj((weights @ value).transpose(1, 2).flatten(2))
