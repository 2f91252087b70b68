"""Draws what the voices do, from the shipped models and the recordings in tests/samples.

docs/voice-alignment.png: the letters over the mels they become. docs/voice-samples.png: a sentence recorded, through
the vocoder alone and by every voice, with `--before` by older ones, too.
docs/voice-attention.png, with `--tacotron`: where a trained Tacotron looks while it speaks on its own.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.text import ALPHABET
from gr_deepsc.voice import vocoders
from gr_deepsc.voice.files import VOICE

from ...data.audio import decode
from ..acoustic.export import read_acoustic
from ..acoustic.model import Acoustic, alignment
from ..mel import FRAME_RATE, MELS, band_filters, mel_of
from ..spoken import edged
from ..tacotron.export import load_tacotron
from ..tacotron.model import Tacotron
from .page import Version, load_voices, versions

SAMPLES = Path("tests/samples")
# A recording of each user's speaker that was in no training, and which user that is.
RECORDINGS = {"arctic_a0209": 0, "LJ002-0045": 1}
SENTENCE = "LJ002-0045"  # of voice-samples.png
SHEET = {"layout": "constrained", "dpi": 80}
COLOURS = 160  # of a picture
RANGE = (-60.0, 0.0)  # dB of the colour scale, 0 is the loudest band of the picture
TICKS = (250, 500, 1000, 2000, 4000)  # Hz


def decibels(mel: np.ndarray) -> np.ndarray:
    """Natural logarithms of magnitudes -> dB."""
    return 20 / math.log(10) * mel


def draw_mel(axes: plt.Axes, mel: np.ndarray, loudest: float) -> matplotlib.image.AxesImage:
    """Log-mels [frames, 80] in dB below `loudest`."""
    low, high = RANGE
    image = axes.imshow(
        decibels(mel).T - loudest, origin="lower", aspect="auto", cmap="magma", vmin=low, vmax=high,
        extent=(0, len(mel) / FRAME_RATE, 0, MELS),
    )  # fmt: skip
    centres = band_filters().argmax(1).numpy() * SAMPLE_RATE / 1024
    axes.set_yticks(np.interp(TICKS, centres, np.arange(MELS) + 0.5), [f"{hertz / 1000:g}" for hertz in TICKS])
    axes.set_ylabel("kHz (mel)")
    return image


def draw_alignments(model: Acoustic, texts: dict[int, str], names: dict[int, str], path: Path) -> None:
    """Each user's mel of a text with the predicted cuts between its characters."""
    found = {user: alignment(model, text, user) for user, text in texts.items()}
    loudest = max(decibels(mel).max() for mel, _ in found.values())
    figure, rows = plt.subplots(len(found), 1, figsize=(11, 2.6 * len(found)), **SHEET)
    for axes, (user, (mel, cuts)) in zip(rows, found.items(), strict=True):
        image = draw_mel(axes, mel, loudest)
        axes.vlines(cuts[1:-1], 0, MELS, color="white", linewidth=0.5)
        for letter, begin, end in zip(texts[user], cuts[1:-2], cuts[2:-1], strict=True):
            axes.text((begin + end) / 2, MELS + 1, letter, ha="center", va="bottom", fontsize=8)
        axes.set_xlabel("seconds")
        axes.set_title(f"user {user}, {names[user]}: predicted durations of the characters", pad=14, fontsize=10)
    figure.colorbar(image, ax=rows, label="dB below the loudest band")
    save(figure, path)


def draw_samples(heard: Sequence[Version], path: Path) -> None:
    """Mels of one sentence, two in a row, on one scale of time and level."""
    mels = [mel_of(version.waveform) for version in heard]
    loudest, seconds = max(decibels(mel).max() for mel in mels), max(map(len, mels)) / FRAME_RATE
    figure, grid = plt.subplots(math.ceil(len(heard) / 2), 2, figsize=(11, 1.3 * len(heard)), squeeze=False, **SHEET)
    for axes in grid.flat[len(heard) :]:
        axes.axis("off")
    for axes, version, mel in zip(grid.flat, heard, mels, strict=False):
        image = draw_mel(axes, mel, loudest)
        axes.set(xlim=(0, seconds), xlabel="seconds")
        axes.set_title(version.title, fontsize=10)
    figure.colorbar(image, ax=grid, label="dB below the loudest band")
    save(figure, path)


def draw_attention(model: Tacotron, texts: dict[int, str], names: dict[int, str], path: Path) -> None:
    """Attention of freely spoken texts: every step sees only what the model itself said before."""
    torch.manual_seed(0)  # the pre-net's dropout
    figure, rows = plt.subplots(1, len(texts), figsize=(11, 5.2), **SHEET)
    for axes, (user, text) in zip(rows, texts.items(), strict=True):
        _, weights = model.speak(torch.tensor(edged(text)), user)
        image = axes.imshow(
            weights.T.numpy(), origin="lower", aspect="auto", cmap="viridis", vmin=0, vmax=1,
            extent=(0, len(weights) * model.dims.reduction / FRAME_RATE, -0.5, len(text) + 1.5),
        )  # fmt: skip
        shown = ["(edge)", *(letter if letter != ALPHABET[0] else "␣" for letter in text), "(edge)"]
        axes.set_yticks(range(len(shown)), shown, fontsize=6)
        axes.set(xlabel="seconds of speech", ylabel="characters")
        axes.set_title(f"user {user}, {names[user]}", fontsize=10)
    figure.colorbar(image, ax=rows, label="attention weight")
    save(figure, path)


def save(figure: plt.Figure, path: Path) -> None:
    """With a palette: a third of the bytes, and no eye sees it."""
    figure.canvas.draw()
    pixels = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    pixels.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    plt.close(figure)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `voice pictures`."""
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="of older voices, to be drawn beside the shipped")
    parser.add_argument("--tacotron", type=Path, metavar="DIR", help="folder of a run of `train tacotron`")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of the pictures")


def run(args: argparse.Namespace) -> None:
    """Draws them all; to be run at the root of the repository."""
    torch.set_num_threads(1)
    synthesizers = load_voices(VOICE, args.before)
    names = {user: entry.name for user, entry in synthesizers[""].users.items()}
    lines = (line.split("|") for line in (SAMPLES / "transcripts.csv").read_text().splitlines())
    transcripts = {identity: text for identity, text in lines}
    texts = {user: transcripts[identity] for identity, user in RECORDINGS.items()}
    draw_alignments(read_acoustic(VOICE / "acoustic.onnx"), texts, names, args.out / "voice-alignment.png")
    recording, vocoder = decode(SAMPLES / f"{SENTENCE}.flac"), vocoders.load(vocoders.DEFAULT, VOICE)
    heard = versions(transcripts[SENTENCE], recording, vocoder, synthesizers)
    draw_samples(list(heard), args.out / "voice-samples.png")
    if args.tacotron:
        draw_attention(load_tacotron(args.tacotron)[0], texts, names, args.out / "voice-attention.png")
