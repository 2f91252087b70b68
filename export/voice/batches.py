"""Batches of `spoken.Spoken` recordings: groups of similar length, padded to tensors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .spoken import Spoken, edged

RARE = 2  # a user's voice with less than half the speech of the largest counts twice


@dataclass
class Batch:
    """Recordings side by side, what is behind each one's end 0."""

    tokens: Tensor  # int64 [batch, n]
    phones: Tensor  # int64 [batch, n], what the tokens stand for
    counts: Tensor  # int64 [batch], tokens
    speakers: Tensor  # int64 [batch]
    durations: Tensor  # float32 [batch, n], mel frames
    pitch: Tensor  # float32 [batch, n], of each speaker's own mean and deviation
    mel: Tensor  # float32 [batch, 2 * steps, mels], as recorded
    frames: Tensor  # int64 [batch]

    @property
    def steps(self) -> Tensor:
        """int64 [batch], pairs of mel frames."""
        return (self.frames + 1) // 2


def collate(
    items: Sequence[Spoken], pitch_of: Sequence[tuple[float, float]], device: torch.device | str = "cpu"
) -> Batch:
    """The batch of `items` on `device`; `pitch_of` holds mean and standard deviation of each speaker's log F0."""

    def padded(rows: Sequence[np.ndarray], dtype: torch.dtype) -> Tensor:
        rows = [torch.from_numpy(row).to(dtype) for row in rows]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True).to(device)

    def whole(numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, device=device)

    mel = padded([item.mel for item in items], torch.float32)
    return Batch(
        padded([item.tokens for item in items], torch.int64),
        padded([item.phones for item in items], torch.int64),
        whole([len(item.tokens) for item in items]),
        whole([item.speaker for item in items]),
        padded([item.durations for item in items], torch.float32),
        padded([item.pitch(*pitch_of[item.speaker]) for item in items], torch.float32),
        nn.functional.pad(mel, (0, 0, 0, mel.shape[1] % 2)),
        whole([item.frames for item in items]),
    )


def text_batch(texts: Sequence[str], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Plain texts: int64 [batch, n] tokens with edges, int64 [batch] counts."""
    rows = [torch.tensor(edged(text)) for text in texts]
    tokens = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return tokens.to(device), torch.tensor([len(row) for row in rows], device=device)


def groups(items: Sequence[Spoken], frames: int, rng: np.random.Generator | None = None) -> Iterator[list[Spoken]]:
    """Items of similar length, each group padded to at most `frames`; shuffled when `rng` is given."""
    lengths = np.array([item.frames for item in items])
    order = np.argsort(lengths if rng is None else lengths * rng.uniform(0.95, 1.05, len(items)))
    found, group = [], []
    for item in (items[i] for i in order):
        longest = max([item.frames, *(other.frames for other in group)])
        if group and longest * (len(group) + 1) > frames:
            found.append(group)
            group = []
        group.append(item)
    found.append(group)
    if rng is not None:
        rng.shuffle(found)
    yield from found


def epochs(
    items: Callable[[], Sequence[Spoken]],
    lent: set[int],
    share: Callable[[], float],
    frames: int,
    rng: np.random.Generator,
) -> Iterator[list[Spoken]]:
    """Groups without end, of at most `frames` each: all speech of users, and as much `lent` as `share` allows.

    `items` and `share` are asked again every quarter of a pass, which may take minutes. `lent` are speakers' numbers.
    """
    while True:
        now = share()
        real = [item for item in items() if item.speaker not in lent]
        false = [item for item in items() if item.speaker in lent]
        seconds = {s: sum(i.frames for i in real if i.speaker == s) for s in {i.speaker for i in real}}
        rare = {s for s, amount in seconds.items() if RARE * amount < max(seconds.values())}
        real = [item for item in real for _ in range(RARE if item.speaker in rare else 1)]
        average = sum(item.frames for item in false) / max(1, len(false))
        wanted = sum(item.frames for item in real) * now / (1 - now)
        extra = min(len(false), int(wanted / average)) if false else 0
        chosen = real + [false[i] for i in rng.choice(len(false), extra, replace=False)] if extra else real
        part = rng.permutation(len(chosen))[: max(64, len(chosen) // 4)]
        yield from groups([chosen[i] for i in part], frames, rng)
