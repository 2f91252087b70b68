"""Batches of similar length: padded waveforms, their lengths, and their texts as CTC targets."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.text import encode

from .audio import Speech

Item = TypeVar("Item")
Tuple = TypeVar("Tuple", bound=tuple)


class Batch(NamedTuple):
    """Speech and what CTC has to spell of it."""

    waveform: Tensor  # float32 [batch, samples]
    lengths: Tensor  # int64 [batch], samples
    tokens: Tensor  # int64 [sum of token_counts]
    token_counts: Tensor  # int64 [batch]

    @property
    def seconds(self) -> float:
        """Of speech, padding not counted."""
        return float(self.lengths.sum()) / SAMPLE_RATE


def targets(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """What CTC has to spell: the tokens of all `texts` in a row, and how many each has; int64."""
    rows = [encode(text) for text in texts]
    return torch.tensor([token for row in rows for token in row]), torch.tensor([len(row) for row in rows])


def on(device: torch.device, batch: Tuple) -> Tuple:
    """A named tuple with its tensors on `device`."""
    return batch._replace(**{k: v.to(device) for k, v in batch._asdict().items() if isinstance(v, Tensor)})


def collate(speech: Speech, indices: list[int], change: Callable[[np.ndarray], np.ndarray] | None = None) -> Batch:
    """The utterances of these numbers, each passed through `change`, padded with zeros."""
    audio = [speech[i] if change is None else change(speech[i]) for i in indices]
    waveform = pad_sequence(list(map(torch.from_numpy, audio)), batch_first=True)
    texts = [speech.utterances[i].text for i in indices]
    return Batch(waveform, torch.tensor([len(a) for a in audio]), *targets(texts))


def grouped(lengths: np.ndarray, seconds: float, rng: np.random.Generator | None = None) -> list[list[int]]:
    """Groups indices of similar length, each group padded to at most `seconds`; shuffled when `rng` is given."""
    jitter = lengths if rng is None else lengths * rng.uniform(0.95, 1.05, len(lengths))
    groups, group = [], []
    for i in np.argsort(jitter, kind="stable"):
        longest = max(lengths[i], *(lengths[j] for j in group)) if group else lengths[i]
        if group and longest * (len(group) + 1) > seconds * SAMPLE_RATE:
            groups.append(group)
            group = []
        group.append(int(i))
    if group:
        groups.append(group)
    if rng is not None:
        rng.shuffle(groups)
    return groups


def by_length(
    items: Sequence[Item], length: Callable[[Item], int], most: int, rng: np.random.Generator
) -> Iterator[list[Item]]:
    """Groups of items of similar length in random order, each padded to at most `most` (or one item that is longer)."""
    groups: list[list[Item]] = [[]]
    for item in sorted(items, key=length):
        if groups[-1] and (len(groups[-1]) + 1) * length(item) > most:
            groups.append([])
        groups[-1].append(item)
    for i in rng.permutation(len(groups)):
        if groups[i]:
            yield groups[i]


def endless(
    speech: Speech, seconds: float, rng: np.random.Generator, change: Callable[[np.ndarray], np.ndarray]
) -> Iterator[Batch]:
    """Epoch after epoch of shuffled batches, each utterance passed through `change`."""
    while True:
        for group in grouped(speech.lengths, seconds, rng):
            yield collate(speech, group, change)
