"""DeepSC-ST with the default model: the receiver is told h and N0."""

from gr_deepsc.model import Receiver, Transmitter
from gr_deepsc.phy.equalise import mmse
from gr_deepsc.text import greedy

from ..system import Air, Heard, Sent, Utterance


class DeepSCST:
    name = "deepsc-st"
    label = "DeepSC-ST, default model"

    def __init__(self) -> None:
        self._transmitter, self._receiver = Transmitter("default"), Receiver("default")

    def send(self, utterance: Utterance) -> Sent:
        return Sent(self._transmitter(utterance.samples)[0], overhead=0)

    def receive(self, sent: Sent, air: Air) -> Heard:
        return Heard(greedy(self._receiver(*mmse(*air(sent.symbols))))[0], speech=None)
