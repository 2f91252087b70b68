"""The microphone, through sounddevice (PortAudio), cut into utterances at its pauses."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gr_deepsc.speech.segment import Segmenter, level_db

from ..errors import HostError
from .quiet import hush

BLOCK_S = 0.1  # of audio at a time
STALL_S = 5.0  # a device that gives nothing for so long is gone


class Spoken(NamedTuple):
    """An utterance, or what there is so far of one that goes on."""

    samples: np.ndarray  # float32 [n], mono
    sample_rate: int  # Hz, the device's own
    whole: bool


def load() -> Any:
    """The module sounddevice.

    Raises:
        HostError: it is not installed, or PortAudio is missing.
    """
    hush()
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise HostError(
            f"no audio input: {error}; `apt-get install libportaudio2` and `pip install sounddevice`"
        ) from None
    return sounddevice


def number_or_name(device: str | None) -> int | str | None:
    """A device as sounddevice takes it: its number, its name, or None for the system's default."""
    return int(device) if device is not None and device.isdecimal() else device


def utterances(
    device: str | None = None,
    seconds: float | None = None,
    stop: threading.Event | None = None,
    ready: Callable[[], None] = lambda: None,
    partial_s: float = 0.0,
) -> Iterator[Spoken | float]:
    """What is spoken, utterance by utterance, and the level in dBFS about every `BLOCK_S` seconds in between.

    Args:
        device: name or number of the input; None for the system's default.
        seconds: of audio to listen for; None for ever.
        stop: once set, what was being said is still given, and that is all.
        ready: called once the device gives samples, from when on all that is said is heard.
        partial_s: as of `Segmenter`.

    Raises:
        HostError: no such device, or it fails.
    """
    sounddevice = load()
    source = number_or_name(device)
    blocks: queue.Queue = queue.Queue(maxsize=600)  # a minute: whoever falls behind that far loses audio

    def take(samples: np.ndarray, frames: int, when: object, status: object) -> None:
        if not blocks.full():
            blocks.put_nowait(samples[:, 0].copy())

    try:
        rate = round(sounddevice.query_devices(source, "input")["default_samplerate"])
        stream = sounddevice.InputStream(
            samplerate=rate, device=source, channels=1, dtype="float32", blocksize=round(rate * BLOCK_S), callback=take
        )
        stream.start()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise HostError(
            f"cannot listen to the microphone: {_reason(error)}; `deepsc doctor` lists the devices"
        ) from None
    segmenter, heard, alive = Segmenter(sample_rate=rate, partial_s=partial_s), 0, time.monotonic()
    with stream:
        while (seconds is None or heard < seconds * rate) and not (stop and stop.is_set()):
            try:
                samples = blocks.get(timeout=BLOCK_S)
            except queue.Empty:
                if time.monotonic() - alive > STALL_S:
                    raise HostError(f"the microphone gave no audio for {STALL_S:g} s") from None
                yield -np.inf
                continue
            if not heard:
                ready()
            heard, alive = heard + len(samples), time.monotonic()
            for utterance, whole in segmenter.steps(samples):
                yield Spoken(utterance, rate, whole)
            yield level_db(samples)
    for utterance in segmenter.flush():
        yield Spoken(utterance, rate, True)


def _reason(error: Exception) -> str:
    return " ".join(str(error.args[0] if error.args else error).split())
