"""What vocoders are trained on: crops of recordings at random levels, and their pitch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..data import ragged
from ..data.audio import Speech
from ..data.corpora import CorpusError, load
from .mel import HOP, RMS
from .pitch import track

LEVELS = (0.35, 2.0)  # gains of a training crop: the vocoder works at any usual level


@dataclass
class Crops:
    """Some seconds of waveform with the pitch of their frames."""

    waveform: Tensor  # float32 [batch, 256 frames]
    f0: Tensor  # float32 [batch, frames + 1], Hz; through unvoiced frames interpolated
    voiced: Tensor  # float32 [batch, frames + 1], 1 or 0
    mel: Tensor | None = None  # float32 [batch, frames + 1, mels], an acoustic model's; None: the waveform's own


def levelled(samples: np.ndarray) -> np.ndarray:
    """float32 [samples] with the RMS of prepared speech."""
    return samples * np.float32(RMS / max(math.sqrt(np.square(samples).mean()), 1e-4))


class Recordings:
    """One corpus and its pitch, from which crops are drawn in proportion to the utterances' lengths."""

    def __init__(self, speech: Speech, cache: Path):
        """`cache`: folder in which pitch is kept."""
        self.speech = speech
        self.tracks = pitch_tracks(speech, cache)

    def crop(self, rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Waveform float32 [256 frames], and of frames + 1 mel frames F0 in Hz and whether they are voiced."""
        weights = self.speech.lengths / self.speech.lengths.sum()
        i = rng.choice(len(self.speech), p=weights)
        begin = int(rng.integers(max(1, len(self.tracks[i]) - frames)))
        samples = levelled(self.speech[i])[begin * HOP : (begin + frames) * HOP]
        f0 = self.tracks[i][begin : begin + frames + 1]
        samples = np.pad(samples, (0, frames * HOP - len(samples)))
        f0 = np.pad(f0, (0, frames + 1 - len(f0)))
        return samples, through(f0), f0 > 0


def training(folders: Sequence[Path], cache: Path) -> list[Recordings]:
    """What each corpus has to train on.

    Raises:
        CorpusError: a folder is no corpus, or has nothing to train on.
    """
    return [Recordings(_split(folder, "train", None, cache), cache) for folder in folders]


def held_out(folders: Sequence[Path], count: int, cache: Path) -> list[np.ndarray]:
    """Some `count` recordings to validate on, the first of each corpus, `levelled`: float32 [samples] each.

    Raises:
        CorpusError: a folder is no corpus, or has nothing to validate on.
    """
    parts = [_split(folder, "valid", max(1, count // len(folders)), cache) for folder in folders]
    return [levelled(speech[i]) for speech in parts for i in range(len(speech))]


def _split(folder: Path, name: str, count: int | None, cache: Path) -> Speech:
    utterances = [u for u in load(folder) if u.split == name][:count]
    if not utterances:
        raise CorpusError(f"{folder}: no recording is for {name!r}")
    return Speech(utterances, cache)


def through(f0: np.ndarray) -> np.ndarray:
    """F0 with unvoiced frames (0) interpolated on a logarithmic scale; 160 Hz where nothing is voiced."""
    voiced = np.flatnonzero(f0)
    if not len(voiced):
        return np.full(len(f0), 160, np.float32)
    return np.exp(np.interp(np.arange(len(f0)), voiced, np.log(f0[voiced]))).astype(np.float32)


def pitch_tracks(speech: Speech, cache: Path) -> list[np.ndarray]:
    """`pitch.track` of every utterance, computed once."""
    path = Path(cache) / f"f0-{speech.digest}.npz"
    if not path.is_file():
        ragged.save(path, [track(speech[i]) for i in tqdm(range(len(speech)), "pitch", unit="utt", disable=None)])
    return ragged.load(path)[0]


class Predicted:
    """One speaker's recordings, and what an acoustic model makes of them along their own durations and pitch."""

    def __init__(self, waveforms: Sequence[np.ndarray], f0: Sequence[np.ndarray], mels: Sequence[np.ndarray]):
        """Of each utterance the waveform from its first mel frame on, F0 [n] in Hz, mels float16 [n, 80]."""
        self.waveforms, self.tracks, self.mels = waveforms, f0, mels
        self._weights = np.array([len(mel) for mel in mels]) / sum(map(len, mels))

    def crop(self, rng: np.random.Generator, frames: int) -> tuple[np.ndarray, ...]:
        """As `Recordings.crop`, and mels [frames + 1, 80] behind it; utterances that are too short are passed over."""
        i = rng.choice(len(self.mels), p=self._weights)
        while len(self.mels[i]) <= frames:
            i = rng.choice(len(self.mels), p=self._weights)
        begin = int(rng.integers(len(self.mels[i]) - frames))
        samples = self.waveforms[i][begin * HOP : (begin + frames) * HOP]
        f0 = self.tracks[i][begin : begin + frames + 1]
        return (
            np.pad(samples, (0, frames * HOP - len(samples))),
            through(f0),
            f0 > 0,
            self.mels[i][begin:][: frames + 1],
        )


def draw(
    corpora: Sequence[Recordings | Predicted],
    batch: int,
    frames: int,
    rng: np.random.Generator,
    device: torch.device | str = "cpu",
) -> Crops:
    """`batch` crops of so many mel frames, at random levels: every corpus, long or short, has the same share."""
    rows = [corpora[rng.integers(len(corpora))].crop(rng, frames) for _ in range(batch)]
    parts = (torch.from_numpy(np.stack(x)).to(device).float() for x in zip(*rows, strict=True))
    samples, f0, voiced, *mel = parts
    level = torch.from_numpy(rng.uniform(*np.log(LEVELS), (batch, 1)).astype(np.float32)).to(device)
    return Crops(samples * level.exp(), f0, voiced, *(m + level[..., None] for m in mel))
