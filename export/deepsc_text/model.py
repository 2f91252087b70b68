"""The text transformer with its channel codec: characters -> 8 complex symbols each -> characters.

Xie et al. 2021 send words; a recogniser's misspelt words are in no vocabulary, so this one sends characters. At 15
characters a second of speech that is the 120 symbols a second of the paper's Table II.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gr_deepsc.text import ALPHABET

from ..layers.recurrent import valid_mask

CHARACTERS = len(ALPHABET)
START = CHARACTERS  # token before the first character
LONGEST = 200  # characters of a text in training; longer ones are sent in parts
SYMBOLS = 8  # complex symbols a character, the 16 reals of Xie et al., Table II


@dataclass(frozen=True)
class TextDims:
    """Sizes: those of Xie et al., with a narrower feed-forward layer for 28 characters instead of 20,000 words."""

    width: int = 128
    heads: int = 8
    layers: int = 3
    feedforward: int = 256
    units: int = 256  # of the channel encoder's and decoder's hidden layer
    dropout: float = 0.0  # the channel is noise enough, and the draws would take a quarter of the time


def positions(tokens: int, width: int) -> Tensor:
    """Sines and cosines of the place in the text (Vaswani et al. 2017): float32 [tokens, width]."""
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angle = torch.arange(tokens)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], 2).reshape(tokens, width)


class TextTransformer(nn.Module):
    """Both ends, so that they train together. Masks come from the characters' `counts`, int64 [batch]."""

    def __init__(self, dims: TextDims):
        super().__init__()
        self.dims = dims
        options = {"dropout": dims.dropout, "batch_first": True, "norm_first": True}
        size = (dims.width, dims.heads, dims.feedforward)
        self.embedding = nn.Embedding(CHARACTERS + 1, dims.width)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*size, **options), dims.layers, enable_nested_tensor=False
        )
        self.channel_encoder = nn.Sequential(
            nn.Linear(dims.width, dims.units), nn.ReLU(), nn.Linear(dims.units, 2 * SYMBOLS)
        )
        self.channel_decoder = nn.Sequential(
            nn.Linear(3 * SYMBOLS, dims.units), nn.ReLU(), nn.Linear(dims.units, dims.width)
        )
        self.memory_norm = nn.LayerNorm(dims.width)
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*size, **options), dims.layers, nn.LayerNorm(dims.width)
        )
        self.output = nn.Linear(dims.width, CHARACTERS)
        self.register_buffer("places", positions(LONGEST, dims.width), persistent=False)
        # times sqrt(width): no louder than the places
        nn.init.normal_(self.embedding.weight, std=dims.width**-0.5)
        for layer in self.decoder.layers:
            query, key, _ = layer.multihead_attn.in_proj_weight.data.chunk(3)
            query.copy_(key)  # alike at first, so that a place attends to its own

    def send(self, tokens: Tensor, counts: Tensor | None = None) -> Tensor:
        """int64 [batch, n] -> symbols [batch, 8 n, 2], E|x|^2 = 1 over each text, 0 beyond its end."""
        mask = None if counts is None else valid_mask(counts, tokens.shape[1])
        x = self.encoder(self.embed(tokens), src_key_padding_mask=None if mask is None else ~mask)
        return self.modulate(x, counts)

    def modulate(self, x: Tensor, counts: Tensor | None) -> Tensor:
        """What the encoder made of the characters [batch, n, width] -> their symbols, as `send`."""
        mask = None if counts is None else valid_mask(counts, x.shape[1])
        x = self.channel_encoder(x).float()
        if mask is None:
            power = 2 * x.square().mean((1, 2), keepdim=True)
        else:
            x = x * mask[..., None]
            power = x.square().sum((1, 2), keepdim=True) / (SYMBOLS * counts[:, None, None])
        return (x / power.sqrt()).reshape(x.shape[0], -1, 2)

    def hear(self, symbols: Tensor, reliability: Tensor) -> Tensor:
        """Equalised symbols [batch, 8 n, 2] and their reliability [batch, 8 n] -> memory [batch, n, width]."""
        rows = symbols.shape[0]  # len() would be baked into ONNX
        x = torch.cat([symbols.reshape(rows, -1, 2 * SYMBOLS), reliability.reshape(rows, -1, SYMBOLS)], 2)
        return self.memory_norm(self.channel_decoder(x) + self.places[: x.shape[1]])

    def spell(self, prefix: Tensor, memory: Tensor, counts: Tensor | None = None) -> Tensor:
        """START and the characters so far, int64 [batch, t], memory [batch, n, width] -> logits [batch, t, 28]."""
        ahead = torch.ones(prefix.shape[1], prefix.shape[1], dtype=torch.bool, device=prefix.device).triu(1)
        hidden = None if counts is None else ~valid_mask(counts, memory.shape[1])
        x = self.decoder(self.embed(prefix), memory, tgt_mask=ahead, memory_key_padding_mask=hidden)
        return self.output(x)

    def embed(self, tokens: Tensor) -> Tensor:
        """int64 [batch, n] -> [batch, n, width], with their places."""
        return self.embedding(tokens) * math.sqrt(self.dims.width) + self.places[: tokens.shape[1]]


def spelling_loss(logits: Tensor, tokens: Tensor, counts: Tensor) -> Tensor:
    """Cross-entropy a character in nats: logits [batch, n, 28], int64 [batch, n]."""
    valid = valid_mask(counts, tokens.shape[1])
    return F.cross_entropy(logits[valid].float(), tokens[valid])
