"""Copy synthesis: recordings -> mels -> waveforms, to hear and to measure what a vocoder alone costs."""

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch

from gr_deepsc.features import SAMPLE_RATE

from ..data.audio import Speech
from ..data.corpora import SPLITS, load
from ..onnx_export import session
from .griffin_lim import griffin_lim
from .mel import HOP, log_mel, prepare

SHIPPED = Path("gr_deepsc/models/voice/vocoder.onnx")
VOCODERS = ("original", "fast", "griffinlim")


def vocoder(name: str, path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Log-mels [frames, 80] -> waveform [256 (frames - 1)]."""
    if name == "griffinlim":
        return griffin_lim
    run = session(path)
    return lambda mel: run.run(None, {"mel": mel[None]})[0][0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.voice.copies", description=__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--vocoder", nargs="+", choices=VOCODERS, default=VOCODERS)
    parser.add_argument("--model", type=Path, default=SHIPPED, help="of the fast vocoder")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument(
        "--count", type=int, default=20, help="utterances of each corpus, spread over the split"
    )
    parser.add_argument("--out", type=Path, default=Path("work/copies"), help="a folder a vocoder under it")
    args = parser.parse_args()
    torch.set_num_threads(1)
    chosen = []
    for folder in args.corpora:
        speech = Speech([u for u in load(folder) if u.split == args.split], Path("work/cache"))
        chosen += [(speech, int(i)) for i in np.linspace(0, len(speech) - 1, args.count)]
    for name in args.vocoder:
        out, texts, distances, spent, spoken = args.out / name, {}, [], 0.0, 0.0
        out.mkdir(parents=True, exist_ok=True)
        speak = None if name == "original" else vocoder(name, args.model)
        for speech, i in chosen:
            samples = prepare(speech[i])
            samples = samples[: len(samples) // HOP * HOP]
            wanted = log_mel(torch.from_numpy(samples)[None])[0].numpy()
            begin = time.perf_counter()
            made = samples if speak is None else speak(wanted)
            spent, spoken = spent + time.perf_counter() - begin, spoken + len(samples) / SAMPLE_RATE
            distances.append(np.abs(log_mel(torch.from_numpy(made)[None])[0].numpy() - wanted).mean())
            utterance = speech.utterances[i]
            texts[utterance.key.replace("/", "__")] = utterance.text
            soundfile.write(out / f"{utterance.key.replace('/', '__')}.wav", made, SAMPLE_RATE)
        (out / "texts.json").write_text(json.dumps(texts, indent=0))
        decibels = 20 / math.log(10) * np.mean(distances)
        print(
            f"{name}: mel distance {np.mean(distances):.3f} nepers ({decibels:.1f} dB), rtf {spent / spoken:.3f}"
        )


if __name__ == "__main__":
    main()
