"""Synthetic speech from plain text, as one more corpus: words that no recording has.

Spoken by Debian's `flite`, or by the voices of this package.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from gr_deepsc.voice.synthesizer import Synthesizer

from .corpora import CorpusError, lj_split
from .normalise import normalise

FLITE = ("slt", "rms", "awb", "kal16")
USERS = ("user0", "user1")  # registered with the shipped voices
VOICES = FLITE + USERS
STRETCH = (0.85, 1.2)  # of the durations
CHARACTERS = (20, 180)  # sentences shorter or longer than this are left out


def sentences(path: Path) -> list[str]:
    """Normalised sentences of a text: LJSpeech's id|raw|normalised, LibriSpeech's .trans.txt, or plain prose.

    What LJSpeech's held out clips say is left out.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".csv":
        rows = [line.split("|") for line in lines]
        found = [row[-1] for row in rows if lj_split(row[0]) == "train"]
    elif path.name.endswith(".trans.txt"):
        found = [line.split(" ", 1)[-1] for line in lines]
    else:
        found = re.split(r"(?<=[.!?;:])\s+", " ".join(lines))
    shortest, longest = CHARACTERS
    return [text for text in map(normalise, found) if shortest <= len(text) <= longest]


def synthesise(
    texts: list[str],
    folder: Path,
    hours: float,
    seed: int = 0,
    jobs: int = 2,
    voices: Sequence[str] = FLITE,
) -> float:
    """Speaks `texts` in random order and voice until `hours` are reached; writes wavs/, at the end metadata.csv.

    Returns:
        The hours written.

    Raises:
        CorpusError: `flite` is not installed.
    """
    if set(voices) & set(FLITE) and shutil.which("flite") is None:
        raise CorpusError("flite is not installed: apt-get install flite")
    rng = np.random.default_rng(seed)
    (folder / "wavs").mkdir(parents=True, exist_ok=True)

    ours = Synthesizer() if set(voices) & set(USERS) else None

    def speak(number: int, text: str, voice: str, stretch: float) -> tuple[str, float]:
        path = folder / "wavs" / f"{voice}-{number:06d}.wav"
        if voice in USERS:
            spoken = ours(text, USERS.index(voice), 1 / stretch)
            soundfile.write(path, spoken, ours.sample_rate)
        else:
            stretched = ["-voice", voice, "--setf", f"duration_stretch={stretch:.2f}"]
            subprocess.run(["flite", *stretched, "-t", text, "-o", path], check=True, capture_output=True)
        return f"{path.stem}|{text}|synthetic_{voice}|train", soundfile.info(path).duration / 3600

    jobs_left = [
        (number, texts[i], str(rng.choice(voices)), rng.uniform(*STRETCH))
        for number, i in enumerate(rng.permutation(len(texts)))
    ]
    rows, done = [], 0.0
    with (
        ThreadPoolExecutor(jobs) as pool,
        tqdm(total=hours, disable=None, bar_format="{l_bar}{bar}{n:.2f}/{total:.1f} h") as bar,
    ):
        while jobs_left and done < hours:
            batch, jobs_left = jobs_left[: 8 * jobs], jobs_left[8 * jobs :]
            for row, duration in pool.map(lambda job: speak(*job), batch):
                rows.append(row)
                done += duration
                bar.update(duration)
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return done
