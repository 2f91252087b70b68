"""The paper's conventional channel coding: bits in blocks of a polar code, N = 512, on 64-QAM.

An 11-bit CRC lies in 11 more places of the code than the data take. The 512 code bits of a block, and the first four of
them once more, fill 86 symbols. The last block is filled up with zeros. All data are scrambled, or the many zeros in
floats would make symbols of more than unit energy.

The paper does not tell the code's rate. With rate 1/2 AMR-WB's 19.85 kbit/s make its 6,600 symbols a second, but no
code of 3 bits a symbol works below Es/N0 = 8.5 dB, and the paper has readable text from 4 dB on. Rate 1/6 with AMR-WB's
6.60 kbit/s makes 6,600 symbols a second as well, 62 for text (paper: 60), and works at 4 dB. Nor does it tell of an
interleaver. `PAPER` is the first reading, its blocks sent one after the other; `ROBUST` is the second, interleaved over
the utterance, as anybody would who meant to get through a fading channel.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gr_deepsc.phy.channel import Received

from ..coding.code import Code
from ..coding.interleaver import order
from ..coding.qam import Qam
from ..system import Sent

QAM = Qam(6)
LENGTH = 512
SYMBOLS = -(-LENGTH // QAM.bits)  # a block


@dataclass(frozen=True)
class Blocks:
    """Blocks with `data` bits each, their symbols sent in order or `interleaved` over all blocks."""

    data: int
    interleaved: bool

    @cached_property
    def code(self) -> Code:
        """That of one block."""
        return Code(self.data, LENGTH, SYMBOLS * QAM.bits, QAM, paths=4)

    def send(self, bits: np.ndarray) -> Sent:
        """Data bits uint8 [n] on air; `side` is n.

        Overhead: symbols beyond n / rate / 6, so the zeros and the four bits. The CRC costs reliability, no symbols.
        """
        count = max(-(-len(bits) // self.data), 1)  # an empty message is a block as well
        messages = scramble(np.pad(bits, (0, count * self.data - len(bits)))).reshape(count, self.data)
        symbols = QAM.modulate(self.code.encode(messages).reshape(-1))
        symbols = symbols[self._order(len(symbols))]
        return Sent(symbols, len(symbols) - round(len(bits) / self.data * LENGTH / QAM.bits), len(bits))

    def receive(self, received: Received, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Data bits uint8 [count], and bool [count]: the CRC of the block that it was in is right.

        A block whose CRC is wrong gives the bits that the decoder finds likeliest.
        """
        llrs = np.empty((len(received.symbols), QAM.bits), np.float32)
        llrs[self._order(len(llrs))] = QAM.demodulate(*received).reshape(-1, QAM.bits)
        messages, passed = self.code.decode(llrs.reshape(-1, self.code.sent))
        return scramble(messages.reshape(-1))[:count], np.repeat(passed, self.data)[:count]

    def _order(self, symbols: int) -> np.ndarray:
        """Which symbol is sent as the k-th: int [symbols]."""
        return order(symbols) if self.interleaved else np.arange(symbols)

    def error_rate(self, passed: np.ndarray) -> float:
        """Share of the blocks whose CRC failed, of `receive`'s second result."""
        return float(np.mean(~passed[:: self.data])) if len(passed) else 0.0


def scramble(bits: np.ndarray) -> np.ndarray:
    """Add a pseudo-random sequence to uint8 [n]; its own inverse."""
    return bits ^ np.random.default_rng(0).integers(0, 2, len(bits), dtype=np.uint8)


PAPER = Blocks(data=256, interleaved=False)
ROBUST = Blocks(data=85, interleaved=True)
