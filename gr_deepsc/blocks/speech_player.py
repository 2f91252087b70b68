"""Speech Player: audio PDUs to the ear, where there is a sound card; else silence, and everything goes on."""

import threading
from typing import Any

import numpy as np

from .pdu import PduBlock, get, unpack


class SpeechPlayer(PduBlock):
    """Plays speech through the system's sound output (PortAudio), the newest of what waits while it plays.

    Port: `audio` in. An utterance that comes again with the same text is not played again. `playing` says whether there
    is an output; `played` counts.
    """

    def __init__(self) -> None:
        super().__init__("Speech Player", "audio", failed=None)
        self.played = 0
        self._last: tuple | None = None
        self._waiting: tuple[np.ndarray, int] | None = None
        self._condition = threading.Condition()
        try:
            import sounddevice

            sounddevice.query_devices(None, "output")
            self._sounddevice: Any = sounddevice
        except Exception as error:  # neither PortAudio nor a device: a flowgraph works without
            self._sounddevice = None
            self.logger.info(f"no sound output ({error}): speech is not played")
        else:
            threading.Thread(target=self._play, name="speech player", daemon=True).start()

    @property
    def playing(self) -> bool:
        """There is a sound output."""
        return self._sounddevice is not None

    def handle(self, message: Any) -> None:
        meta, samples = unpack(message, "audio")
        this = tuple(get(meta, key, default) for key, default in (("session", ""), ("seq", 0), ("text", "")))
        if not self.playing or this == self._last or not len(samples):
            return
        self._last = this
        with self._condition:
            self._waiting = samples, round(get(meta, "sample_rate", 16_000.0))
            self._condition.notify()

    def fail(self, lost: Any) -> None:
        """Nothing to be heard of it."""

    def _play(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting is not None)
                assert self._waiting is not None
                (samples, sample_rate), self._waiting = self._waiting, None
            try:
                self._sounddevice.play(samples, sample_rate, blocking=True)
                self.played += 1
            except Exception as error:  # the device is gone: another one may come
                self.logger.warn(f"not played: {error}")
