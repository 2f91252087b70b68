"""Radio Path: PDUs of samples through a simulated radio path."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..phy.air import Air
from ..phy.pulse import SAMPLES_PER_SYMBOL
from .pdu import PduBlock, get, put, unpack


class RadioPath(PduBlock):
    """Fading, noise, carrier and clock offset and delay, on the samples of a burst and the silence around it.

    Ports: `bursts` in and out. A burst that was clipped or sent at any level has unit energy a payload symbol
    here: the framer's gain is undone. Noise and fading depend on `seed`, and the burst's `seq` and `burst`.
    Adds the metadata `channel`.
    """

    def __init__(
        self,
        kind: str = "awgn",
        es_n0_db: float = 20.0,
        cfo_hz: float = 0.0,
        clock_ppm: float = 0.0,
        delay_samples: float = 0.0,
        symbol_rate: float = 50_000.0,
        rician_k: float = 1.0,
        seed: int = 0,
    ):
        """Parameters as of `phy.air.Air`, the carrier offset in hertz.

        Raises:
            ValueError: a parameter that describes no path.
        """
        super().__init__("Radio Path", "bursts", "bursts", failed="failed")
        if not symbol_rate > 0:
            raise ValueError(f"a symbol rate of {symbol_rate} Hz: it must be above 0")
        if seed < 0:
            raise ValueError(f"seed {seed}: it must be 0 or more")
        self._air = Air(kind, float(es_n0_db), cfo_hz / symbol_rate, clock_ppm, delay_samples, rician_k)
        self._seed = seed
        self.sent = 0  # samples
        self.complete = False  # the last burst of the latest utterance has been sent

    def handle(self, message: Any) -> None:
        meta, samples = unpack(message, "symbols")
        seq, burst = get(meta, "seq", 0), get(meta, "burst", 0)
        level = get(meta, "level_db", 0.0)
        samples = samples / np.float32(np.sqrt(SAMPLES_PER_SYMBOL) * 10 ** (level / 20))
        rng = np.random.default_rng([self._seed, seq & 0xFFFF_FFFF, burst])
        # The path is late once, not anew for each burst of an utterance.
        air = replace(self._air, delay=self._air.delay % 1) if burst else self._air
        received = air(samples, rng)
        self.sent += len(received)
        self.publish(put(meta, channel=self._air.kind), received)
        self.complete = burst == get(meta, "n_bursts", 1) - 1
