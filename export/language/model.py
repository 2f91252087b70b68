"""A GRU that predicts the next character of an English text."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gr_deepsc.text import WRITTEN

START = len(WRITTEN)


@dataclass(frozen=True)
class LanguageDims:
    """Sizes of the language model."""

    width: int = 64  # of a character's vector
    units: int = 512


class LanguageModel(nn.Module):
    """Embedding, GRU, dense."""

    def __init__(self, dims: LanguageDims):
        super().__init__()
        self.dims = dims
        self.character = nn.Embedding(len(WRITTEN) + 1, dims.width)
        self.memory = nn.GRU(dims.width, dims.units, batch_first=True)
        self.output = nn.Linear(dims.units, len(WRITTEN))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens int64 [batch, n], the first of them `START` -> logits of the next ones [batch, n, 74]."""
        start = torch.zeros(1, len(tokens), self.dims.units, device=tokens.device)
        return self.output(self.memory(self.character(tokens), start)[0])


class Step(nn.Module):
    """One character at a time: the graph that a decoder runs."""

    def __init__(self, model: LanguageModel):
        super().__init__()
        self.model = model

    def forward(self, token: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Token int64 [texts], state [texts, units] -> log-probabilities [texts, 74], state [texts, units]."""
        character = self.model.character(token)[:, None]
        _, state = self.model.memory(character, state[None])
        return self.model.output(state[0]).log_softmax(-1), state[0]
