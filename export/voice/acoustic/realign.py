"""Sharper cuts between the tokens than the recogniser's, whose frames are 40 ms: from what each token sounds like."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from ...data import ragged
from ...training import checkpoint
from ..mel import MELS
from ..spoken import Spoken, Voices
from . import align
from .model import Acoustic

REACH = 8  # mel frames, 128 ms: how far a token may move from where the recogniser heard it
ROUNDS = 2  # of guessing and cutting: the third moves a cut by another quarter of a frame
RIDGE = 1.0  # frames of a token: what keeps the guess from following single recordings


def cut(item: Spoken, guess: np.ndarray, mel: np.ndarray) -> float:
    """New durations by the guess of each token's mel, [n, mels], against `mel` [frames, mels], both normalised.

    Returns:
        How far the tokens' begins moved, mel frames in all.
    """
    scores = guess @ mel.T - 0.5 * (guess**2).sum(1, keepdims=True)  # Gaussian, constants left out
    begins = item.begins()
    # measured from the recogniser's cuts, not the last ones, so that errors do not wander off
    item.durations = align.monotonic(scores, item.heard - REACH, item.heard + REACH)
    return float(np.abs(item.begins() - begins).sum())


def refined(model: Acoustic, voices: Voices, cache: Path) -> float:
    """`refine` for all of the voices' recordings, computed once; returns the mean move of a cut in mel frames."""
    items = [item for item in (*voices.train, *voices.valid) if item.heard is not None]
    path = Path(cache) / f"refined-{checkpoint.digest(model.encoder, [i.key for i in items])[:12]}.npz"
    if not path.is_file():
        moved = refine(model, items)
        ragged.save(path, [item.durations.astype(np.int16) for item in items], moved=moved)
    durations, more = ragged.load(path)
    for item, found in zip(items, durations, strict=True):
        item.durations = found.astype(np.int64)
    return float(more["moved"])


@torch.inference_mode()
def refine(model: Acoustic, items: Sequence[Spoken]) -> float:
    """Realigns recordings by a trained model's text encoder, of speakers that it need not know.

    Each speaker's mean mel of a token is guessed from the encoder's state by least squares, then cuts and guess sharpen
    each other (hard expectation maximisation).

    Returns:
        Mean move of a cut in mel frames.
    """
    states = {
        item.key: F.pad(
            model.encoder(torch.from_numpy(item.tokens)[None], torch.from_numpy(item.phones)[None])[0],
            (0, 1),
            value=1.0,
        )
        for item in items
    }
    moved = 0.0
    for speaker in sorted({item.speaker for item in items}):
        own = [item for item in items if item.speaker == speaker]
        mels = {i.key: (torch.from_numpy(i.mel.astype(np.float32)) - model.mel_mean) / model.mel_scale for i in own}
        before = {item.key: item.begins() for item in own}
        for _ in tqdm(range(ROUNDS), f"realigning speaker {speaker}", disable=None):
            gram = RIDGE * torch.eye(states[own[0].key].shape[1])
            cross = torch.zeros(len(gram), MELS)
            for item in own:
                frames = states[item.key].repeat_interleave(torch.from_numpy(item.durations), 0)
                gram += frames.T @ frames
                cross += frames.T @ mels[item.key]
            weights = torch.linalg.solve(gram, cross)
            for item in own:
                cut(item, (states[item.key] @ weights).numpy(), mels[item.key].numpy())
        moved += sum(float(np.abs(item.begins() - before[item.key]).sum()) for item in own)
    return moved / sum(len(item.tokens) for item in items)
