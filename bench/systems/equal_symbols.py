"""The honest rival: the same reader's text in exactly as many symbols as ours sends, coded as well as we can."""

from functools import lru_cache

import numpy as np

from gr_deepsc.codec.decode import Reading
from gr_deepsc.phy.equalise import mmse

from ..coding import huffman
from ..coding.code import Code
from ..coding.interleaver import order
from ..coding.qam import Qam
from ..system import Air, Heard, Recording, Sent
from . import modem, recogniser

QAM = Qam(2)
PATHS = 128


class EqualSymbols:
    """Reader -> Huffman code -> one block of a low-rate polar code over the whole utterance -> QPSK; h and N0 known.

    As many symbols as ours has for that utterance at `rate`. The code is the next longer one of a power of two,
    punctured, its places chosen for the rate; its bits are interleaved over the whole utterance, so that no fade takes
    neighbours; the decoder follows 128 paths without approximations. Where the CRC fails the likeliest bits are decoded
    all the same.
    """

    def __init__(self, name: str, label: str, rate: str) -> None:
        """`rate`: of ours, as of `gr_deepsc.codec.encode.Encoder`."""
        self.name, self.label, self._rate = name, label, rate
        recogniser.encoder()

    def send(self, utterance: Recording) -> Sent:
        """`side`: data bits, and the codec that ours would have in its header."""
        ours = recogniser.coded(utterance.samples, self._rate)
        bits = huffman.encode(recogniser.spell(utterance.samples))
        code = code_for(len(bits), len(ours.symbols))
        padded = np.pad(bits, (0, code.message - len(bits)))
        symbols = QAM.modulate(code.encode(padded[None])[0, order(code.sent)])
        return Sent(symbols, self._overhead(len(symbols), ours.codec), (len(bits), ours.codec))

    def receive(self, sent: Sent, air: Air) -> Heard:
        """`frame_errors`: 1 where the CRC of the one block failed."""
        text, passed = decode(*mmse(*air(sent.symbols)), sent.side[0])
        return Heard(text, None, float(not passed))

    def _overhead(self, symbols: int, codec: int) -> int:
        return 0


class GrEqualSymbols(EqualSymbols):
    """The same in the payload of our bursts: one modem, one overhead and one estimate of the channel for both.

    Only the number of data bits is still told, which a header of ours has no room for.
    """

    def receive(self, sent: Sent, air: Air) -> Heard:
        """`frame_errors`: share of the bursts that were not found or whose header could not be read."""
        bits, codec = sent.side

        def read(z: np.ndarray, rho: np.ndarray, codec: int) -> Reading:
            return Reading(decode(z, rho, bits)[0], 1.0, [])

        return modem.transmit(sent.symbols, codec, air, read)

    def _overhead(self, symbols: int, codec: int) -> int:
        return modem.overhead(symbols, codec)


def decode(z: np.ndarray, rho: np.ndarray, bits: int) -> tuple[str, bool]:
    """The text of so many bits of data, and whether the CRC is right; z and rho as of `gr_deepsc.phy.equalise.mmse`.

    z = rho x + noise of variance rho (1 - rho): divided by its deviation, a channel sqrt(rho / (1 - rho)) and N0 = 1.
    """
    code = code_for(bits, len(z))
    rho = np.clip(rho.astype(float), 1e-9, 1 - 1e-9)
    llrs = np.empty(code.sent, np.float32)
    llrs[order(code.sent)] = QAM.demodulate(z / np.sqrt(rho * (1 - rho)), np.sqrt(rho / (1 - rho)), 1.0)
    messages, passed = code.decode(llrs[None])
    return " ".join(huffman.decode(messages[0, :bits]).split()), bool(passed[0])


@lru_cache(maxsize=64)
def code_for(bits: int, symbols: int) -> Code:
    """For `bits` of data, at least one, in `symbols`."""
    sent = QAM.bits * symbols
    return Code(max(bits, 1), 1 << (sent - 1).bit_length(), sent, QAM, PATHS, min_sum=False)
