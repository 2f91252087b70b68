"""Sentences through each vocoder, from recordings' mels or from text, to hear and to have judged.

Copy synthesis (recording -> mels -> waveform) shows what a vocoder alone costs; --from-text speaks their texts
with the acoustic model, as `deepsc say` does.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.voice import vocoders, wavenet
from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.synthesizer import Synthesizer

from ..data.audio import Speech
from ..data.corpora import SPLITS, load
from .mel import HOP, log_mel, prepare

ORIGINAL = "original"


def choose(speech: Speech, seconds: tuple[float, float], count: int) -> list[int]:
    """`count` utterances with different texts that take `seconds`, spread over the corpus; all if there are fewer."""
    fitting: dict[str, int] = {}
    for i, utterance in enumerate(speech.utterances):
        if seconds[0] <= speech.lengths[i] / SAMPLE_RATE <= seconds[1]:
            fitting.setdefault(utterance.text, i)
    found = list(fitting.values())
    return [found[round(i)] for i in np.linspace(0, len(found) - 1, min(count, len(found)))]


def speak(name: str, folder: Path, mels: list[np.ndarray]) -> list[np.ndarray]:
    """Waveforms of log-mels; WaveNet draws all of them together, which takes it little longer than one."""
    if name == "wavenet":
        return wavenet.WaveNet(folder, progress=True).together(mels)
    vocoder = vocoders.load(name, folder)
    return [vocoder(mel) for mel in mels]


def user_of(synthesizer: Synthesizer, corpus: str) -> int:
    for user_id, user in synthesizer.users.items():
        if corpus.startswith(user.name):
            return user_id
    raise SystemExit(f"copies: no voice is named like {corpus}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.voice.copies", description=__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    names = (ORIGINAL, *vocoders.VOCODERS)
    parser.add_argument("--vocoder", nargs="+", choices=names, default=(ORIGINAL, "fast", "griffinlim"))
    parser.add_argument("--models", type=Path, default=VOICE, help="folder of the voices' files")
    parser.add_argument("--from-text", action="store_true", help="mels by acoustic.onnx from the texts")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--count", type=int, default=20, help="sentences of each corpus")
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=(0, math.inf), help="shortest, longest recording"
    )
    parser.add_argument("--out", type=Path, default=Path("work/copies"), help="a folder a vocoder under it")
    args = parser.parse_args()
    torch.set_num_threads(1)
    synthesizer = Synthesizer(args.models) if args.from_text else None
    texts, recordings, mels = {}, [], []
    for folder in args.corpora:
        speech = Speech([u for u in load(folder) if u.split == args.split], Path("work/cache"))
        for i in choose(speech, args.seconds, args.count):
            utterance, samples = speech.utterances[i], prepare(speech[i])
            texts[utterance.key.replace("/", "__")] = utterance.text
            recordings.append(samples[: len(samples) // HOP * HOP])
            if synthesizer:
                mels.append(synthesizer.log_mel(utterance.text, user_of(synthesizer, folder.name)))
            else:
                mels.append(log_mel(torch.from_numpy(recordings[-1])[None])[0].numpy())
    for name in args.vocoder:
        begin = time.perf_counter()
        made = recordings if name == ORIGINAL else speak(name, args.models, mels)
        rtf = (time.perf_counter() - begin) / (sum(map(len, made)) / SAMPLE_RATE)
        out = args.out / name
        out.mkdir(parents=True, exist_ok=True)
        for key, waveform in zip(texts, made, strict=True):
            soundfile.write(out / f"{key}.wav", waveform, SAMPLE_RATE)
        (out / "texts.json").write_text(json.dumps(texts, indent=0))
        if name == ORIGINAL and synthesizer:  # has other mels
            continue
        found = [log_mel(torch.from_numpy(waveform)[None])[0].numpy() for waveform in made]
        distance = np.mean([np.abs(a - b).mean() for a, b in zip(found, mels, strict=True)])
        decibels = 20 / math.log(10) * distance
        print(f"{name}: mel distance {distance:.3f} nepers ({decibels:.1f} dB), rtf {rtf:.3f}")


if __name__ == "__main__":
    main()
