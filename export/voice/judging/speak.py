"""Sentences of a corpus spoken to files, for ears and for the judge, each by one vocoder or several.

What they sound like is said by the acoustic model, as in `deepsc say`, by a trained Tacotron (`--tacotron`), or by the
recordings themselves (`--copies`), which shows what a vocoder alone costs. Times are of the processor: what other
programs do meanwhile does not count.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.voice import vocoders, wavenet
from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.synthesizer import Synthesizer

from ...data.audio import Speech
from ...data.corpora import SPLITS, CorpusError, load
from ...training.options import WORK
from ..acoustic.export import read_acoustic
from ..acoustic.model import alignment, soft_alignment
from ..mel import FRAME_RATE, HOP, mel_of, prepare
from ..spoken import edged
from ..tacotron.export import load_tacotron

ORIGINAL = "original"  # in place of a vocoder's name: the recordings


def choose(speech: Speech, seconds: tuple[float, float], count: int) -> list[int]:
    """`count` utterances with different texts that take `seconds`, spread over the corpus; all if there are fewer."""
    fitting: dict[str, int] = {}
    for i, utterance in enumerate(speech.utterances):
        if seconds[0] <= speech.lengths[i] / SAMPLE_RATE <= seconds[1]:
            fitting.setdefault(utterance.text, i)
    found = list(fitting.values())
    return [found[round(i)] for i in np.linspace(0, len(found) - 1, min(count, len(found)))]


def tacotron(folder: Path, voices: Path, led: bool) -> Callable[[str, int], np.ndarray]:
    """Text and user ID -> log-mels float32 [frames, 80], by the model of a run's folder.

    `led`: attention reads along the durations that the acoustic model of `voices` predicts.
    """
    model, _ = load_tacotron(folder)
    parallel = read_acoustic(voices / "acoustic.onnx") if led else None
    torch.manual_seed(0)  # the pre-net's dropout

    def speak(text: str, user: int) -> np.ndarray:
        way = None
        if parallel:
            durations = torch.from_numpy(np.diff(alignment(parallel, text, user)[1]) * FRAME_RATE)[None]
            steps = math.ceil(durations.sum() / model.dims.reduction)
            way = soft_alignment(durations.float(), steps, model.dims.reduction)[0][0]
        return model.speak(torch.tensor(edged(text)), user, path=way)[0].numpy()

    return speak


def vocode(name: str, folder: Path, mels: list[np.ndarray]) -> list[np.ndarray]:
    """Waveforms of log-mels; WaveNet draws all of them together, which takes it little longer than one."""
    if name == "wavenet":
        return wavenet.WaveNet(folder, progress=True).together(mels)
    vocoder = vocoders.load(name, folder)
    return [vocoder(mel) for mel in mels]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `voice speak`."""
    parser.add_argument("corpora", nargs="+", type=Path, help="of one speaker each, in the order of the user IDs")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--copies", action="store_true", help="mels of the recordings, not of their texts")
    source.add_argument("--tacotron", type=Path, metavar="DIR", help="mels by this run's Tacotron")
    parser.add_argument("--led", action="store_true", help="Tacotron reads along the acoustic model's durations")
    names = (ORIGINAL, *vocoders.VOCODERS)
    parser.add_argument("--vocoder", nargs="+", choices=names, default=[vocoders.DEFAULT])
    parser.add_argument("--voices", default="", help="folder of the voices' files (the shipped ones, and your own)")
    parser.add_argument("--first-user", type=int, default=0, help="user ID of the first corpus")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--count", type=int, default=20, help="sentences of each corpus, spread over the split")
    parser.add_argument("--seconds", type=float, nargs=2, default=(0, math.inf), help="shortest, longest recording")
    parser.add_argument("--cache", type=Path, default=WORK / "cache")
    parser.add_argument("--out", type=Path, default=WORK / "spoken", help="a folder a vocoder under it")


def run(args: argparse.Namespace) -> None:
    """Writes OUT/VOCODER/CORPUS__NAME.wav and their texts.json; prints distances of mels and speeds."""
    torch.set_num_threads(1)
    say = None
    if not args.copies:
        speaks = Synthesizer(args.voices).log_mel
        say = tacotron(args.tacotron, Path(args.voices or VOICE), args.led) if args.tacotron else speaks
    texts, recordings, mels, spent = {}, [], [], 0.0
    for user, folder in enumerate(args.corpora, args.first_user):
        speech = Speech([u for u in load(folder) if u.split == args.split], args.cache)
        for i in choose(speech, args.seconds, args.count):
            utterance, samples = speech.utterances[i], prepare(speech[i])
            texts[utterance.key.replace("/", "__")] = utterance.text
            recordings.append(samples[: len(samples) // HOP * HOP])
            begin = time.process_time()
            mels.append(say(utterance.text, user) if say else mel_of(recordings[-1]))
            spent += time.process_time() - begin
    if not texts:
        raise CorpusError(f"no recording for {args.split!r} takes {args.seconds[0]:g} to {args.seconds[1]:g} s")
    seconds = sum(map(len, mels)) / FRAME_RATE
    print(f"{len(texts)} texts, {seconds:.0f} s of speech, their mels took {spent / seconds:.3f} s of a core a second")
    for name in args.vocoder:
        begin = time.process_time()
        made = recordings if name == ORIGINAL else vocode(name, Path(args.voices or VOICE), mels)
        rtf = (time.process_time() - begin) / (sum(map(len, made)) / SAMPLE_RATE)
        out = args.out / name
        out.mkdir(parents=True, exist_ok=True)
        for key, waveform in zip(texts, made, strict=True):
            soundfile.write(out / f"{key}.wav", waveform, SAMPLE_RATE)
        (out / "texts.json").write_text(json.dumps(texts, indent=0))
        if name == ORIGINAL and say:  # has other mels
            continue
        distance = np.mean([np.abs(mel_of(a) - b).mean() for a, b in zip(made, mels, strict=True)])
        decibels = 20 / math.log(10) * distance
        print(f"{out}: mel distance {distance:.3f} nepers ({decibels:.1f} dB), {rtf:.3f} s of a core a second")
