"""Recordings as the acoustic models want them: tokens, mels, durations and pitch, cached once; and their batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.text import encode

from ..data.audio import Speech
from ..data.corpora import load
from . import align, pitch
from . import mel as features
from .acoustic import EDGE

SILENCE = 6  # mel frames: more of it before and after the text is cut off
SYNTHETIC = "flite_"  # how the names of speakers begin whose speech `data.synthesise` made
RARE = 2  # a real voice with less than half the speech of the largest counts twice


@dataclass
class Spoken:
    """One recording: `mel` float16 [frames, mels], `f0` float32 [frames] in Hz, `durations` int64 [n] with edges."""

    key: str
    text: str
    speaker: int
    tokens: np.ndarray  # int64 [n], the edges included
    mel: np.ndarray
    f0: np.ndarray
    durations: np.ndarray
    heard: (
        np.ndarray | None
    )  # int64 [n], where each token began as the recogniser heard it; None: it is known

    @property
    def frames(self) -> int:
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
    """Every utterance that its text fits into, silence at the ends cut to `SILENCE` frames."""
    cuts = align.cached(speech, cache)
    path = Path(cache) / f"mels-{speech.digest}.npz"
    if not path.is_file():
        mels, pitches, begins = [], [], []
        for i in tqdm(range(len(speech)), "mels", unit="utt", disable=None):
            begins.append(features.speech_part(speech[i]).start / SAMPLE_RATE)
            waveform = features.prepare(speech[i])
            mels.append(features.log_mel(torch.from_numpy(waveform)[None])[0].numpy().astype(np.float16))
            pitches.append(pitch.track(waveform)[: len(mels[-1])])
        counts = [len(m) for m in mels]
        np.savez(path, mels=np.concatenate(mels), f0=np.concatenate(pitches), counts=counts, begins=begins)
    with np.load(path) as file:
        ends = np.cumsum(file["counts"])[:-1]
        mels, pitches = np.split(file["mels"], ends), np.split(file["f0"], ends)
        begins = file["begins"]
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
        tokens = np.array([EDGE, *encode(utterance.text), EDGE])
        speaker, heard = speakers.index(utterance.speaker), np.cumsum(durations) - durations
        mel, f0 = mel[begin:end], f0[begin:end]
        found.append(Spoken(utterance.key, utterance.text, speaker, tokens, mel, f0, durations, heard))
    return found


def corpora(folders: Sequence[Path], cache: Path) -> tuple[list[str], list[Spoken], list[Spoken]]:
    """Names of the speakers that train, in the order in which the folders bring them; train and valid recordings."""
    loaded = [load(folder) for folder in folders]
    speakers = list(dict.fromkeys(u.speaker for corpus in loaded for u in corpus if u.split == "train"))
    parts: dict[str, list[Spoken]] = {"train": [], "valid": []}
    for corpus in loaded:  # each has its own caches: another corpus more or less computes nothing anew
        for split, found in parts.items():
            chosen = [u for u in corpus if u.split == split and u.speaker in speakers]
            if chosen:
                found += prepare(Speech(chosen, cache), cache, speakers)
    return speakers, parts["train"], parts["valid"]


@dataclass
class Batch:
    tokens: Tensor  # int64 [batch, n]
    counts: Tensor  # int64 [batch]
    speakers: Tensor  # int64 [batch]
    durations: Tensor  # float32 [batch, n], mel frames
    pitch: Tensor  # float32 [batch, n]
    mel: Tensor  # float32 [batch, 2 * steps, mels], as recorded
    frames: Tensor  # int64 [batch]

    @property
    def steps(self) -> Tensor:
        """int64 [batch], pairs of mel frames."""
        return (self.frames + 1) // 2


def collate(items: Sequence[Spoken], pitch_of: Sequence[tuple[float, float]]) -> Batch:
    """`pitch_of` holds mean and standard deviation of each speaker's log F0."""
    rows, longest = len(items), max(len(item.tokens) for item in items)
    frames = np.array([item.frames for item in items])
    mel = np.zeros((rows, frames.max() + frames.max() % 2, items[0].mel.shape[1]), np.float32)
    tokens, durations = np.zeros((rows, longest), np.int64), np.zeros((rows, longest), np.float32)
    pitches = np.zeros((rows, longest), np.float32)
    for i, item in enumerate(items):
        n = len(item.tokens)
        tokens[i, :n], durations[i, :n] = item.tokens, item.durations
        pitches[i, :n] = item.pitch(*pitch_of[item.speaker])
        mel[i, : item.frames] = item.mel
    counts = torch.tensor([len(item.tokens) for item in items])
    speakers = torch.tensor([item.speaker for item in items])
    arrays = map(torch.from_numpy, (tokens, durations, pitches, mel, frames))
    tokens, durations, pitches, mel, frames = arrays
    return Batch(tokens, counts, speakers, durations, pitches, mel, frames)


def text_batch(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """int64 [batch, n] tokens with edges, int64 [batch] counts."""
    rows = [torch.tensor([EDGE, *encode(text), EDGE]) for text in texts]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])


def groups(
    items: Sequence[Spoken], frames: int, rng: np.random.Generator | None = None
) -> Iterator[list[Spoken]]:
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


def pitch_statistics(items: Sequence[Spoken], speakers: int) -> list[tuple[float, float]]:
    """Mean and standard deviation of each speaker's log F0."""
    found = []
    for speaker in range(speakers):
        f0 = [item.f0[item.f0 > 0] for item in items if item.speaker == speaker]
        logs = np.log(np.concatenate(f0)) if f0 else np.zeros(0)
        found.append((float(logs.mean()), float(logs.std()) + 1e-3) if len(logs) else (5.0, 1.0))
    return found


def epochs(
    items: Callable[[], Sequence[Spoken]],
    speakers: Sequence[str],
    share: Callable[[], float],
    frames: int,
    rng: np.random.Generator,
) -> Iterator[list[Spoken]]:
    """Batches without end: all real speech of `items`, and as much of the synthetic as `share` allows; both are asked
    again every quarter of a pass, which may take minutes."""
    synthetic = {i for i, name in enumerate(speakers) if name.startswith(SYNTHETIC)}
    while True:
        now = share()
        real = [item for item in items() if item.speaker not in synthetic]
        false = [item for item in items() if item.speaker in synthetic]
        seconds = {s: sum(i.frames for i in real if i.speaker == s) for s in {i.speaker for i in real}}
        rare = {s for s, amount in seconds.items() if RARE * amount < max(seconds.values())}
        real = [item for item in real for _ in range(RARE if item.speaker in rare else 1)]
        average = sum(item.frames for item in false) / max(1, len(false))
        wanted = sum(item.frames for item in real) * now / (1 - now)
        extra = min(len(false), int(wanted / average)) if false else 0
        chosen = real + [false[i] for i in rng.choice(len(false), extra, replace=False)] if extra else real
        part = rng.permutation(len(chosen))[: max(64, len(chosen) // 4)]
        yield from groups([chosen[i] for i in part], frames, rng)


def mel_statistics(spoken: Sequence[Spoken]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each band's log-mels, float32 [80] each, over some 500 of the utterances."""
    some = spoken[:: max(1, len(spoken) // 500)]
    mels = np.concatenate([item.mel for item in some]).astype(np.float32)
    return torch.from_numpy(mels.mean(0)), torch.from_numpy(mels.std(0))
