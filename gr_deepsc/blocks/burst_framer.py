"""Burst Framer: PDU of semantic symbols in, PDUs of samples out, one a burst."""

from typing import Any

import numpy as np

from ..codec.framewise import codec_id
from ..phy.framer import AUTO, LEVEL_DB, Framer
from ..phy.pieces import Piece
from .pdu import PduBlock, PduError, get, put, unpack


class BurstFramer(PduBlock):
    """Puts an utterance's symbols into bursts: preamble, header, pilots, pulse shape; 4 samples a symbol.

    Ports: `symbols` in, `bursts` out, `failed` out. Reads the metadata `user_id`, `seq` (absent: the block counts),
    `codec` or, without it, `model`, and of a piece `part` and `last`; and adds `burst` (0, 1, ...), `n_bursts`,
    `level_db`, and `clipped`, the share of the samples that the limiter touched.
    """

    def __init__(self, level_db: float = LEVEL_DB, silence: int = 0, preamble: str = AUTO):
        """Parameters and errors as of `phy.framer.Framer`; a silence for streams that would end with the burst."""
        super().__init__("Burst Framer", "symbols", "bursts")
        self._framer = Framer(level_db, silence, preamble)
        self._count = 0

    def set_level_db(self, level_db: float) -> None:
        """From the next utterance on."""
        self._framer.set_level_db(level_db)

    def handle(self, message: Any) -> None:
        meta, symbols = unpack(message, "symbols")
        seq = get(meta, "seq", self._count)
        self._count += 1
        codec = get(meta, "codec", codec_id(get(meta, "model", "")))
        if not np.isfinite(symbols).all():
            raise PduError("not_finite", "the symbols are not finite; look at the model that made them")
        part = get(meta, "part", -1)
        piece = None if part < 0 else Piece(part, get(meta, "last", False))
        try:
            bursts = self._framer(symbols, codec, get(meta, "user_id", 0), seq, piece)
        except ValueError as error:
            raise PduError("bad_message", str(error)) from None
        for k, burst in enumerate(bursts):
            added = {"burst": k, "n_bursts": len(bursts), "clipped": burst.clipped}
            self.publish(put(meta, **added, level_db=self._framer.level_db), burst.samples)
