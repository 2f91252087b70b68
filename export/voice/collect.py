"""Recordings as somebody brings them -> a corpus of one speaker: cut at pauses, texts written where there are none.

What was written is kept, by what is heard in the recording: collecting again, after Ctrl-C or with another recording,
recognises what is new only.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
from jiwer import cer
from tqdm import tqdm

from gr_deepsc.codec.encode import Encoder
from gr_deepsc.ctc.greedy import greedy, logarithms
from gr_deepsc.english import plain
from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.reader.said import words
from gr_deepsc.speech import audio
from gr_deepsc.speech.reading import FOREIGN
from gr_deepsc.speech.recording import utterances

from ..data.corpora import SPLITS, CorpusError

SUFFIXES = {f".{name}" for name in FOREIGN.split(",")} | {".opus", ".oga", ".au", ".aif", ".webm", ".mka", ".wma"}
MOST_S = 3600.0  # of one file
LONGEST_S = 12.0  # of a piece of a recording without a text
WITH_TEXT_S = 20.0  # a longer one is cut, and its text written anew: whose place in the pieces is not known
SURE = 0.8  # mean probability of the words that were recognised, from which on they are learnt from
WRONG = 0.5  # character error rate of what is heard against a text that was given: nobody said that
SPEAKER = "me"


@dataclass
class Clip:
    """A piece of a recording."""

    source: str  # the file's name
    samples: np.ndarray  # float32 [n], 16 kHz
    text: str | None  # what is said, if somebody wrote it down
    split: str = "train"

    @cached_property
    def key(self) -> str:
        """Of what is heard."""
        return hashlib.sha256(self.samples.tobytes()).hexdigest()[:16]


@dataclass
class Collected:
    """What became of a folder."""

    clips: int = 0
    seconds: float = 0.0  # of the clips, for training and validation
    written: int = 0  # texts that were recognised
    told: list[str] = field(default_factory=list)  # sentences about recordings, of which some are left out
    unread: int = 0  # files


def collect(folder: Path, corpus: Path) -> Collected:
    """Write the recordings in `folder` as a corpus: metadata.csv and wavs/.

    Args:
        folder: recordings of any format, in folders below it as well, each with its text in a .txt of the same name, or
            all texts in metadata.csv (`id|text`, `id|text|speaker|split`, or LJSpeech's `id|raw|normalised`), or none.
        corpus: where the corpus goes, and what is kept for another time.

    Raises:
        CorpusError: there are no recordings, or of several speakers.
    """
    (corpus / "wavs").mkdir(parents=True, exist_ok=True)
    found, lines = Collected(), {}
    clips = list(_clips(folder, found))
    texts = _Texts(corpus / "texts.jsonl")
    for clip in tqdm(clips, "listening", unit="piece", disable=None):
        if clip.key in lines:  # the same file twice
            continue
        text, doubt = texts.of(clip)
        if doubt:
            found.told.append(f"{clip.source}: {doubt}")
            continue
        soundfile.write(corpus / "wavs" / f"{clip.key}.flac", clip.samples, SAMPLE_RATE)
        lines[clip.key] = f"{clip.key}|{text}|{SPEAKER}|{clip.split}"
        if clip.split != "test":
            found.clips += 1
            found.seconds += len(clip.samples) / SAMPLE_RATE
            found.written += clip.text is None
    (corpus / "metadata.csv").write_text("\n".join(lines.values()) + "\n", encoding="utf-8")
    return found


def _clips(folder: Path, found: Collected) -> Iterator[Clip]:
    """The recordings of `folder`, cut; what cannot be read goes to `found`."""
    paths = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file()]
    if not paths:
        raise CorpusError(f"{folder}: no recordings in it; wav, flac, mp3, m4a and the like are read")
    rows = _metadata(folder / "metadata.csv")
    missing = sorted(rows.keys() - {path.stem for path in paths})
    found.told += [f"{name}: metadata.csv has its text, but there is no recording of that name" for name in missing]
    for path in tqdm(paths, "reading", unit="file", disable=None):
        name = str(path.relative_to(folder))
        text, split = rows.get(path.stem, (None, "train"))
        beside = path.with_suffix(".txt")
        if text is None and beside.is_file():
            text = beside.read_text(encoding="utf-8", errors="replace")
        try:
            samples, rate = audio.read(path, lambda told, name=name: found.told.append(f"{name}: {told}"), MOST_S)
            audio.check_level(samples)
            if text is not None and len(samples) > WITH_TEXT_S * rate:
                found.told.append(f"{name}: it is cut, lasting more than {WITH_TEXT_S:g} s, and its text not used")
                text = None
            pieces = [slice(None)] if text is not None else utterances(samples, rate, LONGEST_S)
            for piece in pieces:
                if len(pieces) == 1 or audio.peak_dbfs(samples[piece]) >= audio.SILENCE_DBFS:
                    yield Clip(name, audio.check(samples[piece], rate), text, split)
        except audio.AudioError as error:
            found.unread += 1
            found.told.append(str(error) if name in str(error) else f"{name}: {error}")


def _metadata(path: Path) -> dict[str, tuple[str, str]]:
    """Text and split by the recordings' names; nothing where there is no such file."""
    if not path.is_file():
        return {}
    rows, speakers = {}, set()
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        fields = [part.strip() for part in line.split("|")]
        if not 2 <= len(fields) <= 4 or (len(fields) == 4 and fields[3] not in SPLITS):
            raise CorpusError(f"{path}, line {number}: must be id|text or id|text|speaker|{'/'.join(SPLITS)}")
        text = fields[2] or fields[1] if len(fields) == 3 else fields[1]
        split = fields[3] if len(fields) == 4 else "train"
        if len(fields) == 4 and split != "test":
            speakers.add(fields[2])
        rows[Path(fields[0]).stem if fields[0].lower().endswith(tuple(SUFFIXES)) else fields[0]] = text, split
    if len(speakers) > 1:
        raise CorpusError(f"{path}: {len(speakers)} speakers are marked for training, a voice is of one")
    return rows


class _Texts:
    """What is said in clips, and what speaks against learning from them."""

    def __init__(self, path: Path) -> None:
        """`path`: a line of JSON for each clip that was listened to."""
        self._path, self._encoder = path, None
        self._known: dict[tuple[str, str], tuple[str, str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            with suppress(ValueError):  # it was cut off
                key, text, doubt = json.loads(line)
                self._known[tuple(key)] = text, doubt

    def of(self, clip: Clip) -> tuple[str, str]:
        key = clip.key, clip.text or ""
        if key not in self._known:
            self._known[key] = self._listen(clip)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, *self._known[key]]) + "\n")
        return self._known[key]

    def _listen(self, clip: Clip) -> tuple[str, str]:
        self._encoder = self._encoder or Encoder()
        features = self._encoder.framewise.features(clip.samples)
        if clip.text is None:
            said = self._encoder.spell(clip.samples, features)
            text, sure = plain(said.text), words(said)
            if not text:
                return "", "no speech was recognised"
            about = f"{len(clip.samples) / SAMPLE_RATE:.0f} s, {said.text!r}"
            return text, f"left out, its words are doubtful ({about})" if sure.mean() < SURE else ""
        text, heard = plain(clip.text), greedy(logarithms(features))[0]
        if not text:
            return "", "its text has no words"
        unlike = f"left out, it does not sound like its text, but like {heard!r}"
        return text, unlike if cer(text, heard) > WRONG else ""
