"""The paper's feature transceiver: the semantic features as floating-point numbers."""

import numpy as np

from gr_deepsc.text import BLANK, TOKENS

from ..system import Air, Heard, Recording, Sent
from . import recogniser
from .blocks import Blocks

SINGLE, HALF = np.dtype(">f4"), np.dtype(">f2")  # IEEE 754, sign first


class Feature:
    """P as floats -> blocks -> greedy decoder.

    float32 at rate 1/2 is 7,794 symbols a second; float16, which rate 1/6 goes with, 11,736. (The paper's 6,264 are 48
    code bits for each of 27 x 29 values: of 24 bits at rate 1/2, of 8 at rate 1/6. IEEE 754 has no such format.)
    """

    def __init__(self, name: str, label: str, number: np.dtype, blocks: Blocks) -> None:
        recogniser.transmitter()
        self.name, self.label, self._number, self._blocks = name, label, number, blocks

    def send(self, utterance: Recording) -> Sent:
        """`side`: data bits."""
        return self._blocks.send(to_bits(recogniser.features(utterance.samples), self._number))

    def receive(self, sent: Sent, air: Air) -> Heard:
        """`frame_errors`: share of the blocks whose CRC failed."""
        bits, passed = self._blocks.receive(air(sent.symbols), sent.side)
        probabilities = from_bits(bits, passed, self._number)
        return Heard(recogniser.text_of(probabilities), None, self._blocks.error_rate(passed))


def to_bits(probabilities: np.ndarray, number: np.dtype) -> np.ndarray:
    """P float32 [frames, 29] -> uint8 [bits], in the floating-point format `number`."""
    return np.unpackbits(np.frombuffer(probabilities.astype(number).tobytes(), np.uint8))


def from_bits(bits: np.ndarray, passed: np.ndarray, number: np.dtype) -> np.ndarray:
    """Undo `to_bits`, bit errors or not: float32 [frames, 29], within 0..1.

    A value of which a bit was in a failed block is 0; so is what is no probability (negative, above 1, NaN, infinite).
    Of 29 probabilities one is at least 1/29: a frame without any such says nothing and is taken for a blank.

    Args:
        bits: uint8 [n], as received.
        passed: bool [n], the bit's block passed its CRC.
    """
    with np.errstate(invalid="ignore"):  # signalling NaN
        p = np.frombuffer(np.packbits(bits).tobytes(), number).astype(np.float32)
    p = np.where(passed.reshape(len(p), -1).all(axis=1) & (p >= 0) & (p <= 1), p, np.float32(0))
    p = p.reshape(-1, TOKENS)
    p[p.max(axis=1) < 1 / TOKENS, BLANK] = 1
    return p
