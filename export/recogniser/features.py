"""The features P of recordings, computed once: what the channel codecs learn from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from ..data import ragged
from ..data.audio import Speech
from ..data.augment import SpecAugment, change_speed, degrade
from ..data.batches import collate, grouped, on
from ..training import checkpoint
from ..training.optimisation import device_of, half_precision
from .model import frames_of


@dataclass
class Features:
    """P, float16 [frames, 29], and the normalised text of each utterance."""

    probabilities: list[np.ndarray]
    texts: list[str]


def extract(recogniser: nn.Module, speech: Speech, rng: np.random.Generator | None = None) -> Features:
    """P of every utterance; with `rng`, of augmented ones (the encoder knows its training set too well)."""
    change = None if rng is None else (lambda samples: degrade(change_speed(samples, rng), rng))
    spec_augment = None if rng is None else SpecAugment(rng, bands=1)
    probabilities, device = [np.empty(0)] * len(speech), device_of(recogniser)
    recogniser.eval()
    with torch.inference_mode(), half_precision(device):
        for group in tqdm(grouped(speech.lengths, 120), "features", disable=None):
            batch = on(device, collate(speech, group, change))
            logits = recogniser(batch.waveform, batch.lengths, spec_augment)
            rows = logits.float().softmax(-1).cpu().numpy().astype(np.float16)
            for i, frames, row in zip(group, frames_of(batch.lengths).tolist(), rows, strict=True):
                probabilities[i] = row[:frames].copy()
    return Features(probabilities, [u.text for u in speech.utterances])


def cached(path: Path, recogniser: nn.Module, speech: Speech, rng: np.random.Generator | None = None) -> Features:
    """`extract`, done once: the .npz file at `path` is read if these weights and utterances wrote it."""
    digest = checkpoint.digest(recogniser, (u.key for u in speech.utterances))
    if path.is_file():
        rows, more = ragged.load(path)
        if str(more["digest"]) == digest:
            return Features(rows, [u.text for u in speech.utterances])
    features = extract(recogniser, speech, rng)
    ragged.save(path, features.probabilities, digest=digest)
    return features
