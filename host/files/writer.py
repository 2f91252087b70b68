"""What `deepsc simulate --out` leaves of each recording."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gr_deepsc.files import Beside, keep_apart
from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.result import Result
from gr_deepsc.speech import audio

from ..errors import HostError, printable
from . import wav
from .recordings import Recording

ENDINGS = (".received.wav", ".png", ".txt", ".json")


def make_folder(name: str) -> Path:
    """The folder of that name, made if there is none; HostError where it cannot be."""
    try:
        Path(name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HostError(f"cannot make the folder {name}: {error.strerror}") from None
    return Path(name)


class Writer:
    """NAME.txt and NAME.json in a folder, and of speech NAME.received.wav and NAME.png; a second NAME gets a number.

    Raises:
        HostError: the folder cannot be made.
        FileError: one of the files is one that is read, or, later, cannot be written.
    """

    def __init__(self, folder: str, files: Sequence[str], transcripts: str | None = None) -> None:
        """`files`: the recordings, in the order in which they are written; `transcripts` is read as well."""
        self._folder = make_folder(folder)
        names: list[str] = []
        for file in files:
            stem = name = Path("stdin" if file == "-" else file).stem
            number = itertools.count(2)
            while name in names:
                name = f"{stem}-{next(number)}"
            names.append(name)
        self._paths = iter([self._folder / name for name in names])
        outputs = [f"{self._folder / name}{ending}" for name in names for ending in ENDINGS]
        keep_apart(outputs, [*files, *filter(None, [transcripts])])

    def write(self, recording: Recording, result: Result, spoken: np.ndarray) -> Result:
        """`spoken`: float32 [n] at 16 kHz, what was made of the next recording. Returns the result with its file."""
        target = f"{next(self._paths)}{ENDINGS[0]}"
        with Beside(target) as beside:
            path = str(beside.path).removesuffix(ENDINGS[0])
            if len(spoken):
                result = replace(result, speech=target)
                with wav.WavFile(beside.path, SAMPLE_RATE) as file:
                    file.write(spoken)
                self._draw(Path(f"{path}.png"), recording, result, spoken)
            Path(f"{path}.txt").write_text(result.text + "\n", encoding="utf-8")
            told = json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n"
            Path(f"{path}.json").write_text(told, encoding="utf-8", errors="backslashreplace")  # JSON's own escape
        return result

    @staticmethod
    def _draw(path: Path, recording: Recording, result: Result, spoken: np.ndarray) -> None:
        from ..show.picture import spectrograms  # here: matplotlib is slow to load

        # in ten minutes at once nobody would see anything
        original = audio.check(recording.utterances[0], recording.sample_rate)
        spoken = spoken[: round(audio.LONGEST_S * SAMPLE_RATE)]
        snr = "" if result.es_n0_db_set is None else f", Es/N0 {result.es_n0_db_set:g} dB"
        name = printable(Path(recording.path).name)
        titles = (f"original: {name}", f"received: {result.channel}{snr}, voice of user {result.voice}")
        spectrograms(path, original, spoken, SAMPLE_RATE, titles)
