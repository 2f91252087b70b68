"""Make a corpus of synthetic speech from texts: words that no recording has.

Spoken by Debian's `flite`, or by the voices of this package.
"""

import argparse
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from gr_deepsc.voice.synthesizer import Synthesizer

from ..training.options import WORK
from .corpora import CorpusError
from .texts import all_sentences

FLITE = ("slt", "rms", "awb", "kal16")
USERS = ("user0", "user1")  # registered with the shipped voices
VOICES = FLITE + USERS
STRETCH = (0.85, 1.2)  # of the durations


def synthesise(
    texts: list[str], folder: Path, hours: float, seed: int = 0, jobs: int = 2, voices: Sequence[str] = FLITE
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `synthesise`."""
    parser.add_argument("texts", nargs="+", type=Path, help="LJSpeech's metadata, .trans.txt or plain prose")
    parser.add_argument("--out", type=Path, default=WORK / "synthetic")
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--voices", nargs="+", choices=VOICES, default=FLITE)
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> None:
    """Speaks, and prints how much."""
    hours = synthesise(all_sentences(args.texts), args.out, args.hours, args.seed, voices=args.voices)
    print(f"{args.out}: {hours:.2f} h of synthetic speech; give this folder to a training as one more corpus")
