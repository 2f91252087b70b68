"""The honest rival: text in as many symbols as DeepSC-ST sends, coded as well as we can."""

from functools import lru_cache

import numpy as np

from gr_deepsc.framing import FRAME_RATE, frame_count

from ..coding import huffman
from ..coding.code import Code
from ..coding.interleaver import order
from ..coding.qam import Qam
from ..system import Air, Heard, Recording, Sent
from . import recogniser

QAM = Qam(2)
PATHS = 128


class EqualSymbols:
    """Recogniser -> Huffman code -> one block of a low-rate polar code over the whole utterance -> QPSK.

    25 times `symbols` a second of speech (500, 250 or 125), header or pilots none: h and N0 are known. The code is the
    next longer one of a power of two, punctured, its places chosen for the rate; its bits are interleaved over the
    whole utterance, so that no fade takes neighbours; the decoder follows 128 paths without approximations.
    Where the CRC fails the likeliest bits are decoded all the same.
    """

    def __init__(self, name: str, symbols: int, read: bool) -> None:
        """`symbols` for each 40 ms of speech; `read`: what the reader of ours reads, not greedy CTC."""
        self.name, self._symbols = name, symbols
        self.label = f"Text transceiver, {FRAME_RATE * symbols} symbols/s" + ", same reader" * read
        self._recognise = recogniser.spell if read else recogniser.recognise
        recogniser.encoder()

    def send(self, utterance: Recording) -> Sent:
        """`side`: data bits."""
        bits = huffman.encode(self._recognise(utterance.samples))
        symbols = self._symbols * frame_count(len(utterance.samples))
        code = code_for(len(bits), symbols)
        padded = np.pad(bits, (0, code.message - len(bits)))
        sent = code.encode(padded[None])[0, order(code.sent)]
        return Sent(QAM.modulate(sent), 0, len(bits))

    def receive(self, sent: Sent, air: Air) -> Heard:
        """`frame_errors`: 1 where the CRC of the one block failed."""
        code = code_for(sent.side, len(sent.symbols))
        llrs = np.empty(code.sent, np.float32)
        llrs[order(code.sent)] = QAM.demodulate(*air(sent.symbols))
        messages, passed = code.decode(llrs[None])
        text = huffman.decode(messages[0, : sent.side])
        return Heard(" ".join(text.split()), None, float(not passed[0]))


@lru_cache(maxsize=64)
def code_for(bits: int, symbols: int) -> Code:
    """For `bits` of data, at least one, in `symbols`."""
    sent = QAM.bits * symbols
    return Code(max(bits, 1), 1 << (sent - 1).bit_length(), sent, QAM, PATHS, min_sum=False)
