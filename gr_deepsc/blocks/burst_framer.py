"""Burst Framer: PDU of semantic symbols in, PDUs of samples out, one a burst."""

from typing import Any

import numpy as np

from ..codec.framewise import codec_id
from ..phy import impair, utterance
from ..phy.pulse import SAMPLES_PER_SYMBOL
from .pdu import PduBlock, PduError, get, put, unpack


class BurstFramer(PduBlock):
    """Puts an utterance's symbols into bursts: preamble, header, pilots, pulse shape; 4 samples a symbol.

    Ports: `symbols` in, `bursts` out, `failed` out. Reads the metadata `user_id`, `seq` (absent: the block counts),
    `codec` or, without it, `model`; and adds `burst` (0, 1, ...), `n_bursts`, `level_db`, and `clipped`, the share
    of the samples that the limiter touched.
    """

    def __init__(self, level_db: float = -12.0, silence: int = 0):
        """`level_db`: mean power of the payload in dB of full scale; peaks are limited to full scale.

        `silence`: samples of nothing before and after each burst, for streams that would end with it.

        Raises:
            ValueError: a level outside -60..0 dB, or a negative silence.
        """
        super().__init__("Burst Framer", "symbols", "bursts")
        if silence < 0:
            raise ValueError(f"a silence of {silence} samples: it must be 0 or more")
        self._silence = np.zeros(silence, np.complex64)
        self.set_level_db(level_db)
        self._count = 0

    def set_level_db(self, level_db: float) -> None:
        """From the next utterance on."""
        if not -60 <= level_db <= 0:
            raise ValueError(f"a level of {level_db} dB of full scale: it must be from -60 to 0")
        self._level_db = float(level_db)
        self._gain = np.float32(np.sqrt(SAMPLES_PER_SYMBOL) * 10 ** (level_db / 20))

    def handle(self, message: Any) -> None:
        meta, symbols = unpack(message, "symbols")
        seq = get(meta, "seq", self._count)
        self._count += 1
        codec = get(meta, "codec", codec_id(get(meta, "model", "")))
        if not np.isfinite(symbols).all():
            raise PduError("not_finite", "the symbols are not finite; look at the model that made them")
        try:
            bursts = utterance.split(symbols, codec, get(meta, "user_id", 0), seq)
        except ValueError as error:
            raise PduError("bad_message", str(error)) from None
        for k, samples in enumerate(bursts):
            samples = self._gain * samples
            clipped = float(np.mean(np.abs(samples) > 1))
            added = {"burst": k, "n_bursts": len(bursts), "clipped": clipped, "level_db": self._level_db}
            samples = np.concatenate([self._silence, impair.clip(samples, 1.0), self._silence])
            self.publish(put(meta, **added), samples)
