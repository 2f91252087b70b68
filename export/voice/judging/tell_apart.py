"""Whose voice is it? Statistics of spectrum and pitch, and no network: a measure that no voice was trained on.

The measure learns from the real training recordings of the users' speakers (one corpus a user), is tried on their real
test recordings, and then told apart are the voices: the same texts, which were in no training, spoken by every user.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.fft import dct
from tqdm import tqdm

from gr_deepsc.voice.synthesizer import Synthesizer

from ...data.audio import Speech
from ...data.corpora import Utterance, load
from ...training.options import WORK
from .. import pitch
from ..mel import mel_of, prepare

COEFFICIENTS = 13  # MFCCs, without the 0th, which is loudness
LOUD = 2.3  # nepers (20 dB) below the loudest frame: what is quieter says little about a voice
SHRINKAGE = 0.2  # of the pooled covariance towards its diagonal: 28 dimensions from some hundred recordings
PITCH = 2 * COEFFICIENTS  # where the median of log F0 is among the statistics
RECORDINGS = 150  # of each speaker to learn from


def statistics(waveform: np.ndarray) -> np.ndarray:
    """float32 [samples] at 16 kHz -> float64 [28]: means and log deviations of 13 MFCCs, median and spread of log F0.

    An utterance of which no frame is voiced has no pitch: it counts as 160 Hz.
    """
    speech = prepare(waveform)
    mel = mel_of(speech)
    level = np.logaddexp.reduce(mel, axis=1)
    cepstra = dct(mel[level > level.max() - LOUD], norm="ortho")[:, 1 : COEFFICIENTS + 1]
    f0 = pitch.track(speech)
    logs = np.log(f0[f0 > 0]) if f0.any() else np.log([160.0])
    deviations = np.log(cepstra.std(0) + 1e-2)
    return np.concatenate([cepstra.mean(0), deviations, [np.median(logs), np.log(logs.std() + 1e-2)]])


@dataclass(frozen=True)
class Speakers:
    """Gaussian classes of one covariance (Fisher's linear discriminant)."""

    means: np.ndarray  # [speakers, 28]
    whiten: np.ndarray  # [28, 28]: in these coordinates the classes' spread is round

    @classmethod
    def learn(cls, found: Sequence[np.ndarray]) -> "Speakers":
        """From `statistics` of each speaker's recordings, [recordings, 28]."""
        means = np.stack([rows.mean(0) for rows in found])
        rest = np.concatenate([rows - mean for rows, mean in zip(found, means, strict=True)])
        covariance = rest.T @ rest / (len(rest) - len(found))
        covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance))
        return cls(means, np.linalg.cholesky(np.linalg.inv(covariance)))

    def distances(self, rows: np.ndarray) -> np.ndarray:
        """Mahalanobis distances of [rows, 28] to every speaker: [rows, speakers]."""
        return np.linalg.norm((rows[:, None] - self.means) @ self.whiten, axis=2)


def of_recordings(utterances: Sequence[Utterance], cache: Path, count: int) -> np.ndarray:
    """`statistics` of `count` of the utterances, spread over all of them."""
    speech = Speech(utterances, cache)
    chosen = np.unique(np.linspace(0, len(speech) - 1, count).astype(int))
    return np.stack([statistics(speech[i]) for i in tqdm(chosen, "listening", unit="utt", disable=None)])


def spread(texts: Sequence[str], count: int) -> list[str]:
    """`count` different texts, spread over all."""
    texts = list(dict.fromkeys(texts))
    return [texts[i] for i in np.unique(np.linspace(0, len(texts) - 1, count).astype(int))]


@dataclass(frozen=True)
class Result:
    """`statistics` [sentences, 28], one array a user."""

    learnt: list[np.ndarray]  # of the real training recordings
    real: list[np.ndarray]  # of the real test recordings
    spoken: list[np.ndarray]  # of what the user's voice says

    def distances(self, found: Sequence[np.ndarray]) -> list[np.ndarray]:
        """To every speaker's training recordings, [sentences, speakers] a user."""
        speakers = Speakers.learn(self.learnt)
        return [speakers.distances(rows) for rows in found]


def right(distances: Sequence[np.ndarray]) -> float:
    """Share of the sentences that are nearest to their own speaker; [sentences, speakers], one array a user."""
    return float(np.concatenate([rows.argmin(1) == user for user, rows in enumerate(distances)]).mean())


def pitches(rows: np.ndarray) -> str:
    """Means over sentences of F0's median and of its standard deviation in semitones."""
    median, deviation = np.exp(rows[:, PITCH:].mean(0))
    return f"F0 {median:.0f} Hz +- {12 * deviation / math.log(2):.1f} semitones"


def tell_apart(
    folders: Sequence[Path],
    users: Sequence[int],
    voices: str | Path = "",
    texts: int = 50,
    cache: Path = WORK / "cache",
) -> Result:
    """One corpus of one speaker for each of the users; `texts` test sentences, each spoken by all of them."""
    synthesizer, corpora = Synthesizer(voices), [load(folder) for folder in folders]
    train, test = ([[u for u in c if u.split == split] for c in corpora] for split in ("train", "test"))
    share = -(-texts // len(corpora))
    chosen = [text for found in test for text in spread([u.text for u in found], share)][:texts]
    spoken = []
    for user in users:
        bar = tqdm(chosen, f"user {user} speaks", unit="utt", disable=None)
        spoken.append(np.stack([statistics(synthesizer(text, user)) for text in bar]))
    return Result(
        [of_recordings(found, cache, RECORDINGS) for found in train],
        [of_recordings(found, cache, texts) for found in test],
        spoken,
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `voice tell-apart`."""
    parser.add_argument("corpora", nargs="+", type=Path, help="of one speaker each, as --users names them")
    parser.add_argument("--voices", default="", help="folder of the voices' files (the shipped ones, and your own)")
    parser.add_argument("--users", type=int, nargs="+", metavar="N", help="user IDs, one a corpus (0, 1, ...)")
    parser.add_argument("--texts", type=int, default=50, help="sentences that every user speaks")
    parser.add_argument("--cache", type=Path, default=WORK / "cache")


def run(args: argparse.Namespace) -> None:
    """Prints who is taken for whom, and how far from each other voices and speakers are."""
    torch.set_num_threads(1)
    users = args.users or range(len(args.corpora))
    if len(users) != len(args.corpora):
        raise ValueError(f"--users: {len(users)} for {len(args.corpora)} corpora")
    result = tell_apart(args.corpora, users, args.voices, args.texts, args.cache)
    print(f"real training recordings: {'; '.join(map(pitches, result.learnt))}")
    for name, found in (("real test recordings", result.real), ("synthesised", result.spoken)):
        distances = result.distances(found)
        print(f"{name}: {right(distances):.1%} of {sum(map(len, found))} are nearest to their own speaker")
        for user, rows, own in zip(users, found, distances, strict=True):
            means = zip(args.corpora, own.mean(0), strict=True)
            shown = ", ".join(f"{folder.name} {distance:.2f}" for folder, distance in means)
            print(f"  user {user}: {pitches(rows)}, mean distance to the training recordings of {shown}")
