"""Recordings as the acoustic models want them: tokens, mels, durations and pitch, computed once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import log
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.text import ALPHABET, encode
from gr_deepsc.voice.pronunciation import SILENT, pronounce

from ..data import ragged
from ..data.audio import Speech
from ..data.corpora import CorpusError, Utterance, load
from . import mel as features
from . import pitch
from .acoustic import align
from .files import fill

EDGE = len(ALPHABET)  # the silence before and after the text, a token of its own
LOWEST, STEP = log(features.FLOOR), 1 / 16  # of a mel kept in 8 bits: half a step is 0.3 dB
SILENCE = 6  # mel frames: more of it before and after the text is cut off
Network = TypeVar("Network", bound=nn.Module)
SYNTHETIC = "flite_"  # how the names of speakers begin whose speech `data.synthesise` made


def edged(text: str) -> list[int]:
    """The tokens of a normalised text between two edges."""
    return [EDGE, *encode(text), EDGE]


def edged_phones(text: str) -> list[int]:
    """What these tokens stand for."""
    return [SILENT, *pronounce(text), SILENT]


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
    first: int = 0  # frame of the prepared recording (`mel.prepare`) that `mel` begins with

    @property
    def frames(self) -> int:
        """Of the mels."""
        return len(self.mel)

    @cached_property
    def phones(self) -> np.ndarray:
        """int64 [n], what the tokens stand for."""
        return np.array(edged_phones(self.text))

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


def prepare(utterances: Sequence[Utterance], cache: Path, speakers: Sequence[str]) -> list[Spoken]:
    """Every utterance that its text fits into, silence at the ends cut to `SILENCE` frames; numbered as `speakers`.

    What was prepared before is in one file of `cache`, 4.5 kB a second of speech: it can train elsewhere without the
    recordings.
    """
    digest = hashlib.sha256("\n".join(u.key + u.text for u in utterances).encode()).hexdigest()[:12]
    path = Path(cache) / f"spoken-{digest}.npz"
    if not path.is_file():
        _prepare(utterances, cache, path)
    mels, more = ragged.load(path)
    pitches = np.split(more["f0"].astype(np.float32), np.cumsum([len(mel) for mel in mels])[:-1])
    durations = np.split(more["durations"].astype(np.int64), np.cumsum(more["tokens"])[:-1])
    found = []
    for row, first, mel, f0, lasting in zip(more["rows"], more["first"], mels, pitches, durations, strict=True):
        utterance = utterances[row]
        tokens, speaker = np.array(edged(utterance.text)), speakers.index(utterance.speaker)
        mel = (LOWEST + STEP * mel.astype(np.float32)).astype(np.float16)
        heard = np.cumsum(lasting) - lasting
        key, text = utterance.key, utterance.text
        found.append(Spoken(key, text, speaker, tokens, mel, f0, lasting, heard, int(first)))
    return found


def _prepare(utterances: Sequence[Utterance], cache: Path, path: Path) -> None:
    speech = Speech(utterances, cache)
    rows, firsts, mels, pitches, lengths = [], [], [], [], []
    bar = tqdm(align.cached(speech, cache), "mels", unit="utt", disable=None)
    for row, cuts in enumerate(bar):
        waveform = features.prepare(speech[row])
        if cuts is None or not len(waveform):
            continue
        mel = features.mel_of(waveform)
        try:
            durations = align.to_durations(cuts - features.speech_part(speech[row]).start / SAMPLE_RATE, len(mel))
        except align.AlignmentError:
            continue
        begin, end = max(0, durations[0] - SILENCE), len(mel) - max(0, durations[-1] - SILENCE)
        durations[[0, -1]] = np.minimum(durations[[0, -1]], SILENCE)
        rows.append(row)
        firsts.append(begin)
        mels.append(np.rint((mel[begin:end] - LOWEST) / STEP).clip(0, 255).astype(np.uint8))
        pitches.append(pitch.track(waveform)[begin:end].astype(np.float16))
        lengths.append(durations.astype(np.int16))
    if not rows:
        raise CorpusError(f"{utterances[0].path.parent}: no text fits into its recording")
    more = {"rows": rows, "first": firsts, "f0": np.concatenate(pitches)}
    ragged.save(path, mels, **more, durations=np.concatenate(lengths), tokens=[len(x) for x in lengths])


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
    users: int | None = None  # the first so many speak later, the others lend their voices for training; None: all
    pitch: list[tuple[float, float]] = field(init=False)  # mean and standard deviation of each one's log F0

    def __post_init__(self):
        self.pitch = pitch_statistics(self.train, len(self.speakers))

    @property
    def lent(self) -> set[int]:
        """The speakers who are no users: people beside them, and synthetic ones."""
        users = len(self.speakers) if self.users is None else self.users
        return {i for i, name in enumerate(self.speakers) if i >= users or name.startswith(SYNTHETIC)}


def corpora(folders: Sequence[Path], cache: Path, lending: Sequence[Path] = ()) -> Voices:
    """The speakers that train, in the order in which the folders bring them, and their recordings.

    Args:
        lending: further folders, whose speakers are no users.

    Raises:
        CorpusError: a folder is no corpus, or together they have nothing to train or to validate on.
    """
    loaded = [load(folder) for folder in (*folders, *lending)]
    names = [dict.fromkeys(u.speaker for u in corpus if u.split == "train") for corpus in loaded]
    users = len({speaker for corpus in names[: len(folders)] for speaker in corpus})
    speakers = list(dict.fromkeys(speaker for corpus in names for speaker in corpus))
    parts: dict[str, list[Spoken]] = {"train": [], "valid": []}
    for corpus in loaded:  # each has its own caches: another corpus more or less computes nothing anew
        for split, found in parts.items():
            chosen = [u for u in corpus if u.split == split and u.speaker in speakers]
            if chosen:
                found += prepare(chosen, cache, speakers)
    for split, found in parts.items():
        if not found:
            raise CorpusError(f"{', '.join(map(str, folders))}: no recording is for {split!r}")
    return Voices(speakers, **parts, users=users)


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
