"""The paper's speech transceiver: AMR-WB over the air, read at the receiver."""

from ..coding import amrwb
from ..system import Air, Heard, Recording, Sent
from . import recogniser
from .blocks import Blocks

KBITS_6_60, KBITS_19_85 = 0, 6  # modes of AMR-WB


class Speech:
    """AMR-WB -> blocks -> AMR-WB -> reader.

    The codec's frames follow each other without gaps, so that each lies in two or three blocks. A frame is lost, and
    the codec told so, if one of them fails its CRC. At 19.85 kbit/s and rate 1/2, 77.5 blocks of 256 bits and 6,668
    symbols a second; at 6.60 kbit/s and rate 1/6, 77.6 blocks of 85 bits and 6,678 symbols.
    """

    def __init__(self, name: str, label: str, mode: int, blocks: Blocks) -> None:
        """`mode`: of AMR-WB, a place in `amrwb.BITS`.

        Raises:
            MissingCodecError: the codec's libraries are not installed.
        """
        amrwb.load()
        recogniser.transmitter()
        self.name, self.label = name, label
        self._mode, self._blocks = mode, blocks

    def send(self, utterance: Recording) -> Sent:
        """`side`: data bits, and samples."""
        sent = self._blocks.send(amrwb.encode(utterance.samples, self._mode).reshape(-1))
        return Sent(sent.symbols, sent.overhead, (sent.side, len(utterance.samples)))

    def receive(self, sent: Sent, air: Air) -> Heard:
        """`frame_errors`: share of the blocks whose CRC failed."""
        count, samples = sent.side
        bits, passed = self._blocks.receive(air(sent.symbols), count)
        frames, right = (each.reshape(-1, amrwb.BITS[self._mode]) for each in (bits, passed))
        speech = amrwb.decode(frames, ~right.all(axis=1), samples)
        return Heard(recogniser.spell(speech), speech, self._blocks.error_rate(passed))
