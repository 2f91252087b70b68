"""What can be downloaded of a run."""

import json
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.phy.burst import Burst
from gr_deepsc.phy.pulse import SAMPLES_PER_SYMBOL
from gr_deepsc.radio.profiles import PROFILES, Profile
from gr_deepsc.result import Result

from ..files import wav
from ..files.baseband import BasebandWriter

TYPES = {".wav": "audio/wav", ".json": "application/json", ".sigmf": "application/x-tar"}


class Air(NamedTuple):
    """What the receiver got of an utterance, and what it found in it."""

    samples: np.ndarray  # complex64 [n], 4 a symbol
    bursts: list[Burst]


def write_speech(path: Path, pieces: Sequence[np.ndarray]) -> None:
    """float32 [n] each, 16 kHz, one behind the other, as wav."""
    wav.write(path, np.concatenate(pieces), SAMPLE_RATE)


def write_result(path: Path, result: Result) -> None:
    """All keys: docs/results.md."""
    path.write_text(json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_signal(folder: Path, air: Sequence[Air], profile: Profile, symbol_rate: float, text: str) -> Path:
    """What the receiver got, for `deepsc play` and other programs.

    Args:
        text: what is said, for the marks.

    Returns:
        signal.wav, the audio band, where that is the profile; else signal.sigmf, a SigMF archive.
    """
    if profile == PROFILES["audio"] and symbol_rate == profile.symbol_rate:
        path = folder / "signal.wav"
        _write(str(path), air, profile, text)
        return path
    path = folder / "signal.sigmf"
    profile = Profile("", symbol_rate, SAMPLES_PER_SYMBOL * symbol_rate)
    with tempfile.TemporaryDirectory(dir=folder) as parts, tarfile.open(path, "w") as archive:
        _write(f"{parts}/signal", air, profile, text)
        for ending in ("sigmf-meta", "sigmf-data"):  # as section "SigMF Archives" of its specification has them
            archive.add(f"{parts}/signal.{ending}", f"signal/signal.{ending}")
    return path


def _write(path: str, air: Sequence[Air], profile: Profile, text: str) -> None:
    with BasebandWriter(path, profile, description="DeepSC-ST bursts behind a simulated channel") as writer:
        position = 0
        for utterance, (samples, bursts) in enumerate(air):
            for k, burst in enumerate(bursts):
                label = f"burst {k + 1}/{len(bursts)} of user {burst.header.user_id}, utterance {utterance}"
                writer.mark(position + round(burst.start), burst.samples, label, text)
            writer.write(samples)
            position += len(samples)
