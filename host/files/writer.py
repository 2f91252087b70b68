"""What `deepsc simulate --out` leaves of each recording."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.result import Result
from gr_deepsc.speech import audio, recording

from ..errors import HostError
from ..sound import player as speech


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
        HostError: the folder, or later a file, cannot be written.
    """

    def __init__(self, folder: str) -> None:
        self._folder = make_folder(folder)
        self._used: set[str] = set()

    def write(self, name: str, sent: str, result: Result, spoken: np.ndarray) -> Result:
        """`spoken`: float32 [n] at 16 kHz, what was made of the recording `sent`. Returns the result with its file."""
        path = self._folder / self._unique(name)
        if len(spoken):
            file = f"{path}.received.wav"
            speech.write(file, spoken, SAMPLE_RATE)
            result = replace(result, speech=file)
            self._draw(Path(f"{path}.png"), sent, result, spoken)
        try:
            Path(f"{path}.txt").write_text(result.text + "\n", encoding="utf-8")
            Path(f"{path}.json").write_text(
                json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
            )
        except OSError as error:
            raise HostError(f"cannot write {error.filename}: {error.strerror}") from None
        return result

    def _unique(self, name: str) -> str:
        unique, number = name, 2
        while unique in self._used:
            unique, number = f"{name}-{number}", number + 1
        self._used.add(unique)
        return unique

    @staticmethod
    def _draw(path: Path, file: str, result: Result, spoken: np.ndarray) -> None:
        from ..show.picture import spectrograms  # here: matplotlib is slow to load

        utterances, rate = recording.read(file)
        original = audio.check(utterances[0], rate)  # in ten minutes at once nobody would see anything
        spoken = spoken[: round(audio.LONGEST_S * SAMPLE_RATE)]
        snr = "" if result.es_n0_db_set is None else f", Es/N0 {result.es_n0_db_set:g} dB"
        titles = (f"original: {Path(file).name}", f"received: {result.channel}{snr}, voice of user {result.voice}")
        spectrograms(path, original, spoken, SAMPLE_RATE, titles)
