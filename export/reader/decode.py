"""Greedy reading of recordings by the network in torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from gr_deepsc.framing import HOP, SAMPLE_RATE

from ..recogniser.whisper import padding_mask
from ..training.optimisation import device_of
from .model import Reader
from .vocabulary import Vocabulary

MOST_A_SECOND, MOST_MORE = 6, 8  # tokens; the fastest readers need 5 a second
STATES = HOP // 2  # samples of one of the encoder's states
LONGEST = 30 * SAMPLE_RATE


@dataclass(frozen=True)
class Window:
    """What stands around an utterance when the reader hears it: `margin` seconds behind it, `shortest` in all."""

    margin: float
    shortest: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Window":
        """ "+2": 2 s behind the utterance; "15": 15 s in all, or what the utterance needs.

        Raises:
            ValueError: neither.
        """
        return cls(float(text)) if text.startswith("+") else cls(0.0, float(text))

    def around(self, samples: np.ndarray) -> np.ndarray:
        """`samples` and zeros, a whole number of frames, at most 30 s: a longer utterance is cut."""
        wanted = max(len(samples) + self.margin * SAMPLE_RATE, self.shortest * SAMPLE_RATE)
        length = min(LONGEST, HOP * int(np.ceil(wanted / HOP)))
        return np.pad(samples[:length], (0, length - len(samples[:length])))


@torch.no_grad()
def states_of(reader: Reader, windows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """The encoder's states [batch, time, width] of windows, and how many each has: int64 [batch]."""
    counts = torch.tensor([len(window) // STATES for window in windows])
    waveform = pad_sequence([torch.from_numpy(window) for window in windows], batch_first=True)
    device = device_of(reader)
    return reader.encoder(waveform.to(device), counts.to(device)), counts.to(device)


def most_tokens(samples: int) -> int:
    """How many tokens an utterance of so many samples may have: a text that is longer is a loop."""
    return MOST_A_SECOND * samples // SAMPLE_RATE + MOST_MORE


@torch.no_grad()
def read(reader: Reader, vocabulary: Vocabulary, states: Tensor, counts: Tensor, most: Sequence[int]) -> list[str]:
    """The text of each row, greedily.

    Args:
        states, counts: as `states_of` gives them.
        most: tokens of each row, after which it ends.
    """
    decoder, rows, device = reader.decoder, len(states), states.device
    cross, cache = reader.projection(states), decoder.nothing(rows)
    padding, limits = padding_mask(counts, states.shape[1]), torch.tensor(most, device=device)
    tokens = torch.tensor([vocabulary.prompt] * rows, device=device)
    said: list[Tensor] = []
    ended = torch.zeros(rows, dtype=torch.bool, device=device)
    longest = min(decoder.dims.positions - tokens.shape[1], int(limits.max()))
    while len(said) < longest and not bool(ended.all()):
        hidden, *cache = decoder(tokens, (cache[0], cache[1]), cross, padding)
        logits = decoder.logits(hidden[:, -1])
        logits[:, vocabulary.prompt] = -torch.inf
        said.append(torch.where(ended, vocabulary.end, logits.argmax(-1)))
        ended |= (said[-1] == vocabulary.end) | (len(said) >= limits)
        tokens = said[-1][:, None]
    return [vocabulary.decode(row) for row in torch.stack(said, 1).tolist()]
