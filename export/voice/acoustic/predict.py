"""What a trained acoustic model makes of the recordings that it was trained on: what vocoders are tuned on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ...data.audio import Speech
from ...data.corpora import load
from ...training import checkpoint
from ...training.optimisation import pick_device
from ..batches import collate, groups
from ..crops import Predicted
from ..mel import HOP, prepare
from ..spoken import Spoken, corpora
from .model import Acoustic, AcousticDims
from .teach import speak

FRAMES = 6000  # of mel at once


@torch.inference_mode()
def mels(model: Acoustic, items: Sequence[Spoken], pitch: list[tuple[float, float]]) -> dict[str, np.ndarray]:
    """Each recording's mels float16 [frames, 80] along its own durations and pitch, by its key."""
    found = {}
    for group in groups(items, FRAMES):
        *_, said = speak(model, collate(group, pitch, model.mel_mean.device))
        said = (said * model.mel_scale + model.mel_mean).half().cpu().numpy()
        found |= {item.key: mel[: item.frames] for item, mel in zip(group, said, strict=True)}
    return found


def predicted(run: Path, folders: Sequence[Path], cache: Path, device: str | None = None) -> list[Predicted]:
    """Of each speaker of the corpora what the model of a run's folder says in place of the training recordings.

    Raises:
        FileNotFoundError: the run has no best.pt.
        ValueError: it does not know a speaker.
    """
    model, about = checkpoint.trained(run, "acoustic", Acoustic, AcousticDims)
    model, voices = model.to(pick_device(device)), corpora(folders, cache)
    last = checkpoint.load(run / "last.pt")["extra"]["durations"]
    recorded = {}
    for folder in folders:
        speech = Speech([u for u in load(folder) if u.split == "train"], cache)
        recorded |= {utterance.key: (speech, i) for i, utterance in enumerate(speech.utterances)}
    found = []
    for speaker, name in enumerate(voices.speakers):
        if name not in about["speakers"]:
            raise ValueError(f"{run}: trained without {name}; it knows {', '.join(about['speakers'])}")
        own = [item for item in voices.train if item.speaker == speaker and item.key in last]
        for item in own:
            item.speaker, item.durations = about["speakers"].index(name), last[item.key].numpy()
        pitch = [voices.pitch[speaker]] * len(about["speakers"])
        said = mels(model, own, pitch)
        waveforms = []
        for item in own:
            speech, i = recorded[item.key]
            waveforms.append(prepare(speech[i])[item.first * HOP :])
        found.append(Predicted(waveforms, [item.f0 for item in own], [said[item.key] for item in own]))
    return found
