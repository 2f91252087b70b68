"""Recordings as the acoustic models want them: tokens, mels, durations and pitch, computed once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.text import ALPHABET, encode

from ..data import ragged
from ..data.audio import Speech
from ..data.corpora import CorpusError, load
from . import mel as features
from . import pitch
from .acoustic import align
from .files import fill

EDGE = len(ALPHABET)  # the silence before and after the text, a token of its own
SILENCE = 6  # mel frames: more of it before and after the text is cut off
Network = TypeVar("Network", bound=nn.Module)
SYNTHETIC = "flite_"  # how the names of speakers begin whose speech `data.synthesise` made


def edged(text: str) -> list[int]:
    """The tokens of a normalised text between two edges."""
    return [EDGE, *encode(text), EDGE]


@dataclass
class Spoken:
    """One recording, and where its tokens are spoken."""

    key: str
    text: str
    speaker: int
    tokens: np.ndarray  # int64 [n], the edges included
    mel: np.ndarray  # float16 [frames, 80]
    f0: np.ndarray  # float32 [frames], Hz, 0 where unvoiced
    durations: np.ndarray  # int64 [n], mel frames
    heard: np.ndarray | None  # int64 [n], where the recogniser heard each token begin; None: it is known

    @property
    def frames(self) -> int:
        """Of the mels."""
        return len(self.mel)

    def begins(self) -> np.ndarray:
        """int64 [n], the frame in which each token begins."""
        return np.cumsum(self.durations) - self.durations

    def pitch(self, mean: float, deviation: float) -> np.ndarray:
        """float32 [n]: mean log F0 of each token's voiced frames, normalised; across unvoiced tokens interpolated."""
        begins, voiced = self.begins(), self.f0 > 0
        logs = np.where(voiced, (np.log(np.maximum(self.f0, 1)) - mean) / deviation, 0)
        count = np.add.reduceat(voiced.astype(np.float32), begins)
        total = np.add.reduceat(logs, begins)
        known = np.flatnonzero(count)
        if len(known) == 0:
            return np.zeros(len(begins), np.float32)
        return np.interp(np.arange(len(begins)), known, total[known] / count[known]).astype(np.float32)


def prepare(speech: Speech, cache: Path, speakers: Sequence[str]) -> list[Spoken]:
    """Every utterance that its text fits into, silence at the ends cut to `SILENCE` frames; numbered as `speakers`."""
    cuts = align.cached(speech, cache)
    path = Path(cache) / f"spoken-{speech.digest}.npz"
    if not path.is_file():
        mels, pitches, begins = [], [], []
        for i in tqdm(range(len(speech)), "mels", unit="utt", disable=None):
            begins.append(features.speech_part(speech[i]).start / SAMPLE_RATE)
            waveform = features.prepare(speech[i])
            mels.append(features.mel_of(waveform).astype(np.float16))
            pitches.append(pitch.track(waveform)[: len(mels[-1])])
        ragged.save(path, mels, f0=np.concatenate(pitches), begins=begins)
    mels, more = ragged.load(path)
    pitches, begins = np.split(more["f0"], np.cumsum([len(mel) for mel in mels])[:-1]), more["begins"]
    found = []
    for utterance, cut, begun, mel, f0 in zip(speech.utterances, cuts, begins, mels, pitches, strict=True):
        if cut is None:
            continue
        try:
            durations = align.to_durations(cut - begun, len(mel))
        except align.AlignmentError:
            continue
        begin, end = max(0, durations[0] - SILENCE), len(mel) - max(0, durations[-1] - SILENCE)
        durations[[0, -1]] = np.minimum(durations[[0, -1]], SILENCE)
        tokens, speaker = np.array(edged(utterance.text)), speakers.index(utterance.speaker)
        heard = np.cumsum(durations) - durations
        mel, f0 = mel[begin:end], f0[begin:end]
        found.append(Spoken(utterance.key, utterance.text, speaker, tokens, mel, f0, durations, heard))
    return found


def pitch_statistics(items: Sequence[Spoken], speakers: int) -> list[tuple[float, float]]:
    """Mean and standard deviation of each speaker's log F0."""
    found = []
    for speaker in range(speakers):
        f0 = [item.f0[item.f0 > 0] for item in items if item.speaker == speaker]
        logs = np.log(np.concatenate(f0)) if f0 else np.zeros(0)
        found.append((float(logs.mean()), float(logs.std()) + 1e-3) if len(logs) else (5.0, 1.0))
    return found


@dataclass
class Voices:
    """Recordings to train on and to validate on, and whose they are."""

    speakers: list[str]  # names, in the order of their numbers
    train: list[Spoken]
    valid: list[Spoken]
    pitch: list[tuple[float, float]] = field(init=False)  # mean and standard deviation of each one's log F0

    def __post_init__(self):
        self.pitch = pitch_statistics(self.train, len(self.speakers))


def corpora(folders: Sequence[Path], cache: Path) -> Voices:
    """The speakers that train, in the order in which the folders bring them, and their recordings.

    Raises:
        CorpusError: a folder is no corpus, or together they have nothing to train or to validate on.
    """
    loaded = [load(folder) for folder in folders]
    speakers = list(dict.fromkeys(u.speaker for corpus in loaded for u in corpus if u.split == "train"))
    parts: dict[str, list[Spoken]] = {"train": [], "valid": []}
    for corpus in loaded:  # each has its own caches: another corpus more or less computes nothing anew
        for split, found in parts.items():
            chosen = [u for u in corpus if u.split == split and u.speaker in speakers]
            if chosen:
                found += prepare(Speech(chosen, cache), cache, speakers)
    for split, found in parts.items():
        if not found:
            raise CorpusError(f"{', '.join(map(str, folders))}: no recording is for {split!r}")
    return Voices(speakers, **parts)


def mel_statistics(spoken: Sequence[Spoken]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each band's log-mels, float32 [80] each, over some 500 of the utterances."""
    some = spoken[:: max(1, len(spoken) // 500)]
    mels = np.concatenate([item.mel for item in some]).astype(np.float32)
    return torch.from_numpy(mels.mean(0)), torch.from_numpy(mels.std(0))


def begin(model: Network, voices: Voices, initial: dict[str, Tensor] | None = None) -> Network:
    """`model` with those of the `initial` weights that fit, or from chance and with the mels' statistics."""
    if initial is not None:
        fill(model, initial)
    else:
        model.mel_mean, model.mel_scale = mel_statistics(voices.train)
    return model
