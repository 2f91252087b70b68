"""Transcribed speech on disk: LJSpeech-1.1 as downloaded, and folders of `id|transcript|speaker|split`."""

from dataclasses import dataclass
from pathlib import Path

from gr_deepsc.english import plain

SPLITS = ("train", "valid", "test")
_SUFFIXES = (".wav", ".flac", ".opus", ".ogg", ".mp3")

# LJSpeech has no official split. Chapter LJ002's first hundred clips are tested on, the end of LJ001 validates.
_LJ_TEST = {f"LJ002-{i:04d}" for i in range(1, 101)}
_LJ_VALID = {f"LJ001-{i:04d}" for i in range(167, 187)}
# Speakers held out of training, and for `kathleen` (one speaker, repeated takes) one prompt in twenty.
_VALID_SPEAKERS = {"ls1867", "ls4680", "ls6848"}


class CorpusError(Exception):
    """A metadata row that cannot be used; the message names file and line."""


@dataclass(frozen=True)
class Utterance:
    """One recording: `text` is normalised to the alphabet, `raw` is as the corpus has it, `key` is unique over all."""

    key: str
    path: Path
    text: str
    speaker: str
    split: str
    raw: str = ""


def load(folder: str | Path) -> list[Utterance]:
    """Every utterance listed in `folder/metadata.csv`, whichever of the two layouts it has.

    Raises:
        CorpusError: no metadata, a row with the wrong number of fields or an empty text, or a missing recording.
    """
    folder = Path(folder)
    metadata = folder / "metadata.csv"
    if not metadata.is_file():
        raise CorpusError(f"{metadata}: not found; a corpus is a folder with metadata.csv and wavs/")
    files = {path.stem: path for path in sorted((folder / "wavs").glob("*")) if path.suffix in _SUFFIXES}
    utterances = []
    for number, line in enumerate(metadata.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{metadata}, line {number}"
        fields = line.split("|")
        if len(fields) == 3:
            identity, raw, text, speaker, split = (
                fields[0],
                fields[1],
                fields[2] or fields[1],
                "LJ",
                lj_split(fields[0]),
            )
        elif len(fields) == 4:
            identity, raw, speaker, split = fields
            text = raw
        else:
            raise CorpusError(f"{where}: {len(fields)} fields, expected id|raw|normalised or id|text|speaker|split")
        if split not in SPLITS:
            raise CorpusError(f"{where}: split {split!r}, expected one of {', '.join(SPLITS)}")
        if identity not in files:
            raise CorpusError(f"{where}: no recording {identity} in {folder / 'wavs'}")
        text = plain(text)
        if not text:
            raise CorpusError(f"{where}: the text of {identity} is empty after normalisation")
        if split == "train" and _held_out(identity, speaker):
            split = "valid"
        utterances.append(Utterance(f"{folder.name}/{identity}", files[identity], text, speaker, split, raw))
    return utterances


def lj_split(identity: str) -> str:
    """Which split a clip of LJSpeech belongs to."""
    return "test" if identity in _LJ_TEST else "valid" if identity in _LJ_VALID else "train"


def _held_out(identity: str, speaker: str) -> bool:
    if speaker == "kathleen":
        prompt = identity.split("_")[1]
        return int("".join(filter(str.isdigit, prompt))) % 20 == 7
    return speaker in _VALID_SPEAKERS
