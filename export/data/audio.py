"""Decoded speech kept once on disk: every utterance of a set of corpora as 16 kHz int16 in one memory-mapped file."""

import hashlib
import json
from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly
from tqdm import tqdm

from gr_deepsc.framing import SAMPLE_RATE

from .ahead import cores_for, made
from .corpora import CorpusError, Utterance, load

CACHE = Path("work/cache")  # of decoded speech, and what is computed of it


def decode(path: Path) -> np.ndarray:
    """The recording as float32 [samples], mono, 16 kHz.

    Raises:
        CorpusError: the file cannot be decoded.
    """
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise CorpusError(f"{path}: cannot be decoded ({error})") from error
    mono = samples.mean(1)
    if rate != SAMPLE_RATE:
        divisor = np.gcd(rate, SAMPLE_RATE)
        mono = resample_poly(mono, SAMPLE_RATE // divisor, rate // divisor)
    return mono.astype(np.float32)


def _pcm(path: Path) -> np.ndarray:
    return np.clip(np.rint(decode(path) * 32768), -32768, 32767).astype("<i2")


def splits(folders: Sequence[str | Path], *names: str, cache: Path = CACHE) -> list["Speech"]:
    """The named splits of all corpora together, decoded once into `cache`.

    Raises:
        CorpusError: a corpus or a recording cannot be read.
    """
    utterances = [utterance for folder in folders for utterance in load(folder)]
    return [Speech([u for u in utterances if u.split == name], cache) for name in names]


class Speech:
    """Utterances with their audio: `speech[i]` is float32 [samples] of `speech.utterances[i]`."""

    def __init__(self, utterances: Sequence[Utterance], cache: str | Path):
        """Decodes what `cache` (a folder) does not hold yet; the file's name is a digest of the utterances' keys."""
        self.utterances = list(utterances)
        self._samples = Path(cache) / f"speech-{self.digest}.i16"
        index = self._samples.with_suffix(".json")
        if not index.is_file():
            self._samples.parent.mkdir(parents=True, exist_ok=True)
            ends, end = [], 0
            with self._samples.open("wb") as file:
                paths = [utterance.path for utterance in self.utterances]
                decoded = made(_pcm, paths, cores_for(paths))
                for audio in tqdm(decoded, "decoding", total=len(paths), unit="utt", disable=None):
                    file.write(audio.tobytes())
                    end += len(audio)
                    ends.append(end)
            index.write_text(json.dumps(ends))
        self.ends = np.array(json.loads(index.read_text()))
        self.lengths = np.diff(self.ends, prepend=0)
        self._mapped = np.memmap(self._samples, "<i2", "r")

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, i: int) -> np.ndarray:
        return self._mapped[self.ends[i] - self.lengths[i] : self.ends[i]] / np.float32(32768)

    @property
    def digest(self) -> str:
        """Names what is computed from these utterances and kept on disk."""
        return hashlib.sha256("\n".join(u.key for u in self.utterances).encode()).hexdigest()[:12]

    @property
    def seconds(self) -> float:
        """Of all utterances."""
        return float(self.lengths.sum() / SAMPLE_RATE)

    def sample(self, hours: float, rng: np.random.Generator) -> "Speech":
        """A random part of at most `hours`; the whole if it is shorter."""
        if self.seconds <= 3600 * hours:
            return self
        order = rng.permutation(len(self))
        return self.part(np.sort(order[np.cumsum(self.lengths[order]) <= 3600 * hours * SAMPLE_RATE]))

    def part(self, taken: Sequence[int] | np.ndarray) -> "Speech":
        """The utterances of these numbers."""
        part = copy(self)
        part.utterances = [self.utterances[i] for i in taken]
        part.ends, part.lengths = self.ends[taken], self.lengths[taken]
        return part
