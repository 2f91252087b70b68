"""Whisper's audio encoder (Radford et al. 2022; weights MIT, OpenAI), run on the utterance's own length."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..layers.frontend import LogMel
from ..layers.recurrent import valid_mask
from .config import WhisperDims
from .ctranslate2 import read_tensors


class Attention(nn.Module):
    """Multi-head self-attention; q, k and v in one projection."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        batch, time, width = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3)) / math.sqrt(width // self.heads)
        if mask is not None:
            weights = weights + mask
        return self.out((weights.softmax(-1) @ v).transpose(1, 2).reshape(batch, time, width))


class Layer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.attention(self.attention_norm(x), mask)
        return x + self.mlp(self.mlp_norm(x))


class WhisperEncoder(nn.Module):
    """Waveform -> hidden states at 50 a second."""

    def __init__(self, dims: WhisperDims):
        super().__init__()
        self.mel = LogMel(dims.mels)
        self.conv1 = nn.Conv1d(dims.mels, dims.width, 3, padding=1)
        self.conv2 = nn.Conv1d(dims.width, dims.width, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(dims.positions, dims.width), requires_grad=False)
        self.layers = nn.ModuleList(Layer(dims.width, dims.heads) for _ in range(dims.layers))
        self.norm = nn.LayerNorm(dims.width)

    def forward(
        self, waveform: Tensor, lengths: Tensor | None = None, augment: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """[batch, samples] -> [batch, time, width], 50 states a second.

        Args:
            waveform: float32 at 16 kHz, up to 30 s.
            lengths: int64 [batch], valid states of each row (even); beyond them nothing is attended to.
            augment: applied to the log-mel spectrogram as [batch, time, bands].
        """
        x = self.mel(waveform)
        if augment is not None:
            x = augment(x.transpose(1, 2)).transpose(1, 2)
        x = F.gelu(self.conv1(zero_beyond(x, lengths, 2)))
        x = F.gelu(self.conv2(zero_beyond(x, lengths, 2))).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        mask = None if lengths is None else padding_mask(lengths, x.shape[1])
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)


def zero_beyond(x: Tensor, lengths: Tensor | None, rate: int) -> Tensor:
    """[batch, channels, time] with zeros from `rate * lengths` on: what the convolution sees past an unpadded end."""
    return x if lengths is None else x * valid_mask(rate * lengths, x.shape[2])[:, None]


def padding_mask(frames: Tensor, time: int) -> Tensor:
    """Attention logits' mask [batch, 1, 1, time]: 0 inside each utterance's `frames`, -inf beyond."""
    beyond = ~valid_mask(frames, time)
    return torch.zeros(beyond.shape, device=frames.device).masked_fill(beyond, -torch.inf)[:, None, None]


# Our names of a layer's parts, and CTranslate2's.
LINEARS = {
    "attention.qkv": "self_attention/linear_0",
    "attention.out": "self_attention/linear_1",
    "mlp.0": "ffn/linear_0",
    "mlp.2": "ffn/linear_1",
}
NORMS = {"attention_norm": "self_attention/layer_norm", "mlp_norm": "ffn/layer_norm"}


def layers_state(
    tensors: Mapping[str, np.ndarray], half: str, layers: int, linears: Mapping[str, str], norms: Mapping[str, str]
) -> dict[str, Tensor]:
    """The state of Whisper's "encoder" or "decoder" (`half`) without what stands before its first layer: float32.

    Args:
        tensors: of the CTranslate2 file.
        linears, norms: our names of a layer's parts -> theirs.
    """
    parts = {f"layers.{i}.{ours}": f"layer_{i}/{theirs}" for i in range(layers) for ours, theirs in linears.items()}
    state = linear_state(tensors, half, parts)
    places = {f"layers.{i}.{ours}": f"layer_{i}/{theirs}" for i in range(layers) for ours, theirs in norms.items()}
    for ours, theirs in {**places, "norm": "layer_norm"}.items():
        state[ours + ".weight"] = as_tensor(tensors[f"{half}/{theirs}/gamma"])
        state[ours + ".bias"] = as_tensor(tensors[f"{half}/{theirs}/beta"])
    state["positions"] = as_tensor(tensors[f"{half}/position_encodings/encodings"])
    return state


def linear_state(tensors: Mapping[str, np.ndarray], half: str, parts: Mapping[str, str]) -> dict[str, Tensor]:
    """Weights and biases under our names."""
    return {
        f"{ours}.{kind}": as_tensor(tensors[f"{half}/{theirs}/{kind}"])
        for ours, theirs in parts.items()
        for kind in ("weight", "bias")
    }


def as_tensor(array: np.ndarray) -> Tensor:
    """float32."""
    return torch.from_numpy(array.astype("float32"))


def load_pretrained(encoder: WhisperEncoder, path: str | Path) -> None:
    """Fills `encoder` from a CTranslate2 Whisper file (float16).

    Raises:
        KeyError, RuntimeError: the file holds no Whisper encoder, or one of other dimensions.
    """
    tensors = read_tensors(path)
    state = linear_state(tensors, "encoder", {"conv1": "conv1", "conv2": "conv2"})
    encoder.load_state_dict(state | layers_state(tensors, "encoder", len(encoder.layers), LINEARS, NORMS))
