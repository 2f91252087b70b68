"""The states of a fixed Whisper encoder, computed once: what a head, or a smaller recogniser, learns from."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from gr_deepsc.framing import HOP

from ..data.ahead import cores_for, made
from ..data.audio import Speech
from ..data.batches import collate, grouped, on
from ..training import checkpoint
from ..training.optimisation import device_of, half_precision
from .model import WhisperRecogniser, frames_of

Change = Callable[[np.ndarray], np.ndarray]  # samples -> samples


class States:
    """Of a set of utterances: float16 [frames, 2 * width] each, in one memory-mapped file."""

    def __init__(
        self, model: WhisperRecogniser, speech: Speech, cache: Path, name: str = "0", change: Change | None = None
    ):
        """Computed once: a file in `cache` is read if this encoder wrote it for these utterances and this `name`.

        `change` makes of each recording what the encoder hears; `name` is that of the change.
        """
        self.texts = [utterance.text for utterance in speech.utterances]
        self.width = 2 * model.encoder.norm.normalized_shape[0]
        digest = checkpoint.digest(model.encoder, (u.key for u in speech.utterances))
        self.path = path = cache / f"states-{digest[:12]}-{name}.f16"
        index = path.with_suffix(".npy")
        if not index.is_file():
            np.save(index, self._extract(model, speech, path, change))
        self.places = np.load(index).tolist()
        end = max(start + count for start, count in self.places)
        self.rows = np.memmap(path, np.float16, "r", shape=(end, self.width))

    @staticmethod
    def _extract(model: WhisperRecogniser, speech: Speech, path: Path, change: Change | None) -> list:
        """Writes the states; first state pair and number of pairs of each utterance."""
        places, end, device = [(0, 0)] * len(speech), 0, device_of(model)
        model.eval()
        with path.open("wb") as file, torch.inference_mode(), half_precision(device):
            groups = grouped(speech.lengths, 64)
            batches = made(
                partial(collate, speech, change=change), groups, cores_for(speech) if device.type == "cuda" else 0
            )
            for group, batch in zip(groups, tqdm(batches, "states", total=len(groups), disable=None), strict=True):
                batch = on(device, batch)
                frames = frames_of(batch.lengths)
                states = model.encoder(batch.waveform, 2 * frames).to(torch.float16).cpu().numpy()
                for i, count, row in zip(group, frames.tolist(), states, strict=True):
                    file.write(np.ascontiguousarray(row[: 2 * count]).tobytes())
                    places[i] = (end, count)
                    end += count
        return places

    @property
    def lengths(self) -> np.ndarray:
        """Samples of each utterance, rounded up to frames."""
        return HOP * np.array([count for _, count in self.places])

    def batch(self, group: list[int]) -> tuple[Tensor, Tensor, list[str]]:
        """State pairs [batch, frames, 2 * width], zero beyond each row's end; the rows' frames; their texts."""
        places = [self.places[i] for i in group]
        pairs = [torch.from_numpy(self.rows[a : a + count].astype(np.float32)) for a, count in places]
        frames = torch.tensor([count for _, count in places])
        return pad_sequence(pairs, batch_first=True), frames, [self.texts[i] for i in group]


def logits(model: WhisperRecogniser, pairs: Tensor, frames: Tensor) -> Tensor:
    """What the head of `model` makes of state pairs [batch, frames, 2 * width]: [batch, frames, 29]."""
    return model.classify(pairs.unflatten(2, (2, -1)).flatten(1, 2), frames)
