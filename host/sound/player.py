"""Speech to the ear, through sounddevice (PortAudio)."""

import queue
import threading

import numpy as np

from ..errors import HostError
from . import microphone


class Player:
    """Plays utterances one after the other, in a thread of its own: whoever gives them need not wait.

    Args:
        device: name or number of the output; None for the system's default.

    Raises:
        HostError: there is no such output.
    """

    def __init__(self, device: str | None = None) -> None:
        self._sounddevice = microphone.load()
        self._device = microphone.number_or_name(device)
        try:
            self._sounddevice.query_devices(self._device, "output")
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise HostError(f"no audio output ({error}); --out writes files instead") from None
        self.error = ""
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()

    def __call__(self, samples: np.ndarray, sample_rate: int) -> None:
        """Queue float32 [n], full scale 1.0, at `sample_rate` Hz."""
        self._queue.put((samples, sample_rate))

    def close(self) -> None:
        """Wait until all is played.

        Raises:
            HostError: the device failed.
        """
        self._queue.put(None)
        self._thread.join()
        if self.error:
            raise HostError(self.error)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                self._sounddevice.play(*item, device=self._device, blocking=True)
            except (self._sounddevice.PortAudioError, ValueError) as error:
                self.error = f"the audio output failed: {error}"
