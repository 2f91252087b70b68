"""The paper's text transceiver: read at the transmitter, the text sent in a Huffman code."""

from ..coding import huffman
from ..system import Air, Heard, Recording, Sent
from . import recogniser
from .blocks import Blocks


class Text:
    """Reader -> Huffman code -> blocks -> text.

    The bits of a block that fails its CRC are decoded all the same: what comes before the decoder's first error is
    right, and a Huffman code finds back into step by itself. Leaving them out would make the error rate higher.
    """

    def __init__(self, name: str, label: str, blocks: Blocks) -> None:
        recogniser.transmitter()
        self.name, self.label, self._blocks = name, label, blocks

    def send(self, utterance: Recording) -> Sent:
        """`side`: data bits."""
        return self._blocks.send(huffman.encode(recogniser.spell(utterance.samples)))

    def receive(self, sent: Sent, air: Air) -> Heard:
        """`frame_errors`: share of the blocks whose CRC failed."""
        bits, passed = self._blocks.receive(air(sent.symbols), sent.side)
        return Heard(" ".join(huffman.decode(bits).split()), None, self._blocks.error_rate(passed))
