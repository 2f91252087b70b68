"""Block-Fading Channel: the paper's channel on PDUs of symbols, with the CSI passed along."""

from typing import Any

import numpy as np
import pmt

from ..phy import channel
from .pdu import PduBlock, get, put, unpack


class BlockFadingChannel(PduBlock):
    """y = h x + n with one h a block of symbols.

    Ports: `symbols` in and out; an utterance lost before, or here, goes out of `symbols` too, for the
    decoder to report. Adds the metadata `channel`, `es_n0_db_set` (not for "none") and, where it fades, `csi`: an
    h a symbol.

    An utterance's noise and fading depend on `seed` and its `seq` only, not on what was sent before it. Where
    `seq` is missing, the block counts.
    """

    def __init__(
        self,
        kind: str = "awgn",
        es_n0_db: float = 20.0,
        block: int = channel.BLOCK,
        rician_k: float = channel.RICIAN_K,
        seed: int = 0,
        interleaved: bool = False,
    ):
        """Parameters as of `phy.channel.transmit`; `interleaved`: in the order in which a burst sends them.

        Raises:
            ValueError: a parameter that describes no channel, or a negative seed.
        """
        super().__init__("Block-Fading Channel", "symbols", "symbols", failed="symbols")
        channel.check(kind, block, rician_k)
        self._kind, self._block, self._rician_k = kind, block, rician_k
        self._es_n0_db = float(es_n0_db)
        self.set_seed(seed)
        self._interleaved = interleaved
        self._count = 0

    def set_kind(self, kind: str) -> None:
        """From the next utterance on."""
        channel.check(kind)
        self._kind = kind

    def set_es_n0_db(self, es_n0_db: float) -> None:
        """dB, from the next utterance on."""
        self._es_n0_db = float(es_n0_db)

    def set_rician_k(self, rician_k: float) -> None:
        """Linear, from the next utterance on."""
        channel.check("rician", rician_k=rician_k)
        self._rician_k = rician_k

    def set_seed(self, seed: int) -> None:
        """From the next utterance on."""
        if seed < 0:
            raise ValueError(f"seed {seed}: it must be 0 or more")
        self._seed = seed

    def fail(self, lost: Any) -> None:
        """Pass a lost utterance on as a c32vector: constellation sinks end the flowgraph on any other type."""
        self.publish(pmt.car(lost), pmt.init_c32vector(1, [0j]))

    def handle(self, message: Any) -> None:
        meta, symbols = unpack(message, "symbols")
        kind, es_n0_db = self._kind, self._es_n0_db  # a slider may move meanwhile
        seq = get(meta, "seq", self._count)
        self._count += 1
        rng = np.random.default_rng([self._seed, seq & 0xFFFF_FFFF])
        received = channel.transmit(symbols, kind, es_n0_db, rng, self._block, self._rician_k, self._interleaved)
        added = {
            "channel": kind,
            "es_n0_db_set": None if kind == "none" else es_n0_db,
            "csi": received.csi if kind in ("rayleigh", "rician") else None,
        }
        self.publish(put(meta, **added), received.symbols)
