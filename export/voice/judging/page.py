"""A page to listen: each sentence recorded, through the vocoder alone, and in every voice, beside its spectrogram.

It is a folder with index.html and the FLAC and PNG files that it plays and shows; a browser opens it without a server.
The versions of a sentence are at one level, their spectrograms on one scale of time and colour.
"""

import argparse
import html
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from matplotlib import colormaps
from PIL import Image
from tqdm import tqdm

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.voice import vocoders
from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.griffin_lim import griffin_lim
from gr_deepsc.voice.synthesizer import Synthesizer

from ...data.audio import Speech
from ...data.corpora import SPLITS, CorpusError, load
from ...training.options import WORK
from ..mel import FRAME_RATE, mel_of, prepare
from .speak import choose

RANGE = math.log(10) * 3  # nepers, 60 dB: from black to the loudest band of a sentence
WIDTH = 130  # pixels of the page a second
TEMPLATE = Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Voices of gr-deepsc</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem }
section { border-top: 1px solid #8886; padding: .5rem 0 1rem }
h2 { font-size: 1.1rem }
.all { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0; overflow-x: auto }
img { display: block; height: 110px; image-rendering: pixelated }
audio { height: 2.2rem; width: 19rem; max-width: 100% }
</style>
<h1>Voices of gr-deepsc</h1>
<p>$explained Spectrograms: 0 to 8 kHz on the mel scale, 60 dB, one scale for a sentence.</p>
$sentences
<script>
document.addEventListener("play", event => document.querySelectorAll("audio").forEach(
  audio => audio === event.target || audio.pause()), true);
</script>
</html>
""")


class Version(NamedTuple):
    """One way that a sentence is heard."""

    title: str
    waveform: np.ndarray  # float32 [samples]


def versions(
    text: str, recording: np.ndarray | None, vocoder: vocoders.Vocoder, synthesizers: dict[str, Synthesizer]
) -> Iterator[Version]:
    """The recording, if there is one, and what vocoders make of its mels; then every user of every synthesizer.

    Args:
        text: as people write it.
        recording: float32 [samples] at 16 kHz, as it was recorded.
        synthesizers: by what is written behind their users' names.
    """
    if recording is not None:
        speech = prepare(recording)
        mel = mel_of(speech)
        yield Version("recording", speech)
        yield Version("copy synthesis", vocoder(mel))
        yield Version("copy by Griffin-Lim", griffin_lim(mel))
    for remark, synthesizer in synthesizers.items():
        for user, entry in synthesizer.users.items():
            if not len(said := synthesizer(text, user)):
                raise ValueError(f"{text!r}: no word that could be spoken")
            yield Version(f"user {user}, {entry.name}{remark}", said)


def load_voices(folder: Path, before: Path | None) -> dict[str, Synthesizer]:
    """The synthesizers for `versions`: of a folder of voices, and of an older one, if there is one."""
    return {"": Synthesizer(folder)} | ({", before": Synthesizer(before)} if before else {})


def picture(mel: np.ndarray, loudest: float) -> Image.Image:
    """Log-mels [frames, 80], 60 dB below `loudest` in colours: [80, frames] pixels, low bands at the bottom."""
    return Image.fromarray(colormaps["magma"](1 + (mel.T[::-1] - loudest) / RANGE, bytes=True)).convert("RGB")


def write(number: int, heading: str, heard: Sequence[Version], out: Path) -> str:
    """Files NUMBER-VERSION.flac and .png of a sentence in `out`; returns its part of the page."""
    mels = [mel_of(version.waveform) for version in heard]
    loudest, figures = max(mel.max() for mel in mels), []
    for place, (version, mel) in enumerate(zip(heard, mels, strict=True)):
        name, title = f"{number:02}-{place}", html.escape(version.title)
        soundfile.write(out / f"{name}.flac", version.waveform, SAMPLE_RATE)
        picture(mel, loudest).save(out / f"{name}.png")
        figures.append(
            f'<figure><figcaption>{title}</figcaption><img src="{name}.png" alt="spectrogram, {title}"'
            f' width="{WIDTH * len(mel) / FRAME_RATE:.0f}"><audio controls preload="metadata" src="{name}.flac"'
            f' aria-label="{title}"></audio></figure>'
        )
    return f'<section><h2>{html.escape(heading)}</h2><div class="all">{"".join(figures)}</div></section>'


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `voice page`."""
    parser.add_argument("corpora", nargs="*", type=Path, help="whose sentences are heard")
    parser.add_argument("--say", nargs="+", default=[], metavar="TEXT", help="sentences without a recording, too")
    parser.add_argument("--voices", type=Path, default=VOICE, help="folder of acoustic.onnx and vocoder.onnx")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="of older ones, to be heard beside them")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--count", type=int, default=5, help="sentences of each corpus, spread over the split")
    parser.add_argument("--seconds", type=float, nargs=2, default=(2, 8), help="shortest, longest recording")
    parser.add_argument("--cache", type=Path, default=WORK / "cache")
    parser.add_argument("--out", type=Path, default=WORK / "voice-page", help="folder of the page")


def run(args: argparse.Namespace) -> None:
    """Writes OUT/index.html and what it plays and shows."""
    torch.set_num_threads(1)
    sentences: list[tuple[str, str, np.ndarray | None]] = []
    for folder in args.corpora:
        speech = Speech([u for u in load(folder) if u.split == args.split], args.cache)
        for i in choose(speech, args.seconds, args.count):
            text = speech.utterances[i].raw
            sentences.append((text, f"{text} ({speech.utterances[i].key})", speech[i]))
    sentences += [(text, text, None) for text in args.say]
    if not sentences:
        raise CorpusError("no sentence: name a corpus that has recordings of that length, or --say TEXT")
    vocoder, synthesizers = vocoders.load(vocoders.DEFAULT, args.voices), load_voices(args.voices, args.before)
    args.out.mkdir(parents=True, exist_ok=True)
    parts: list[str] = []
    for text, heading, recording in tqdm(sentences, "speaking", unit="sentence", disable=None):
        heard = list(versions(text, recording, vocoder, synthesizers))
        parts.append(write(len(parts), heading, heard, args.out))
    explained = (
        "Copy synthesis is what the fast vocoder makes of the recording's own mel spectrogram, Griffin-Lim what is made"
        " of it without training; the users speak from the text alone."
    )
    (args.out / "index.html").write_text(TEMPLATE.substitute(explained=explained, sentences="\n".join(parts)))
    print(f"{args.out / 'index.html'}: {len(parts)} sentences")
