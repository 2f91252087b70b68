"""Radio Path: PDUs of samples through a simulated radio path."""

from typing import Any

from ..phy.air import Air, Path
from .pdu import PduBlock, get, put, unpack


class RadioPath(PduBlock):
    """Fading, noise, carrier and clock offset, drift and delay, on the samples of a burst and the silence around it.

    Ports: `bursts` in and out, `failed` out. Es/N0 is that of the payload, whatever the `level_db` that it was sent at
    (absent: 0 dB of full scale); signal and noise together leave at that level. Noise and fading depend on `seed`, and
    the burst's `seq` and `burst`. Adds the metadata `channel`, and `es_n0_db_set` (not for "none").
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
        drift_hz_s: float = 0.0,
    ):
        """Parameters as of `phy.air.Air`, carrier offset and drift in hertz.

        Raises:
            ValueError: a parameter that describes no path.
        """
        super().__init__("Radio Path", "bursts", "bursts", failed="failed")
        if not symbol_rate > 0:
            raise ValueError(f"a symbol rate of {symbol_rate} Hz: it must be above 0")
        offsets, drift = (cfo_hz / symbol_rate, clock_ppm, delay_samples), drift_hz_s / symbol_rate**2
        air = Air(kind, float(es_n0_db), *offsets, rician_k, drift=drift)
        self._path = Path(air, seed)
        self.sent = 0  # samples
        self.complete = False  # the last burst of the latest utterance has been sent

    def handle(self, message: Any) -> None:
        meta, samples = unpack(message, "symbols")
        seq, burst = get(meta, "seq", 0), get(meta, "burst", 0)
        received = self._path(samples, get(meta, "level_db", 0.0), seq, burst)
        self.sent += len(received)
        kind = self._path.air.kind
        told = None if kind == "none" else self._path.air.es_n0_db
        self.publish(put(meta, channel=kind, es_n0_db_set=told), received)
        self.complete = burst == get(meta, "n_bursts", 1) - 1
