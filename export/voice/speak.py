"""Texts of a corpus in its user's voice, as files for the judge: by the shipped voices, or by a trained Tacotron.

python -m deepsc_export.voice.speak KATHLEEN LJSPEECH --out work/spoken/parallel
python -m deepsc_export.voice.speak KATHLEEN LJSPEECH --tacotron work/tacotron-compact/best.pt
python -m deepsc_export.voice.judge work/spoken/*
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
from gr_deepsc.session import open_session
from gr_deepsc.text import encode
from gr_deepsc.voice.files import VOICE
from gr_deepsc.voice.synthesizer import Synthesizer

from ..data.corpora import SPLITS, load
from .acoustic import EDGE, alignment, soft_alignment
from .mel import FRAME_RATE
from .tell_apart import spread
from .train_acoustic import exported
from .train_tacotron import load_tacotron


def tacotron(path: Path, voices: Path, led: bool) -> Callable[[str, int], np.ndarray]:
    """Text and user ID -> waveform, by a run's best.pt and the fast vocoder of `voices`.

    `led`: attention reads along the durations that the parallel model of `voices` predicts.
    """
    model, _ = load_tacotron(path)
    parallel, vocoder = exported(voices / "acoustic.onnx"), open_session(voices / "vocoder.onnx")

    def speak(text: str, user: int) -> np.ndarray:
        way = None
        if led:
            durations = torch.from_numpy(np.diff(alignment(parallel, text, user)[1]) * FRAME_RATE)[None]
            steps = math.ceil(durations.sum() / model.dims.reduction)
            way = soft_alignment(durations.float(), steps, model.dims.reduction)[0][0]
        mel, _ = model.speak(torch.tensor([EDGE, *encode(text), EDGE]), user, path=way)
        return vocoder.run(None, {"mel": mel[None].numpy()})[0][0]

    return speak


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.voice.speak", description=__doc__)
    parser.add_argument(
        "corpora", nargs="+", type=Path, help="of one speaker each, in the order of the user IDs"
    )
    parser.add_argument("--tacotron", type=Path, metavar="PT", help="best.pt of a run of train_tacotron")
    parser.add_argument(
        "--led", action="store_true", help="Tacotron reads along the parallel model's durations"
    )
    parser.add_argument("--voices", type=Path, default=VOICE, help="folder of acoustic.onnx and vocoder.onnx")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--count", type=int, default=20, help="texts of each corpus, spread over the split")
    parser.add_argument("--first-user", type=int, default=0, help="user ID of the first corpus")
    parser.add_argument("--out", type=Path, default=Path("work/spoken/tacotron"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)  # the pre-net's dropout
    speak = tacotron(args.tacotron, args.voices, args.led) if args.tacotron else Synthesizer(args.voices)
    args.out.mkdir(parents=True, exist_ok=True)
    texts: dict[str, str] = {}
    spent = spoken = 0.0
    for user, folder in enumerate(args.corpora, args.first_user):
        for i, text in enumerate(spread([u.text for u in load(folder) if u.split == args.split], args.count)):
            begin = time.perf_counter()
            waveform = speak(text, user)
            spent, spoken = spent + time.perf_counter() - begin, spoken + len(waveform) / SAMPLE_RATE
            name = f"{folder.name}__{i:03d}"
            texts[name] = text
            soundfile.write(args.out / f"{name}.wav", waveform, SAMPLE_RATE)
    (args.out / "texts.json").write_text(json.dumps(texts, indent=0))
    print(f"{args.out}: {len(texts)} texts, {spoken:.0f} s of speech, real-time factor {spent / spoken:.3f}")


if __name__ == "__main__":
    main()
