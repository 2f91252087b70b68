"""What the systems are compared with: the recording itself, and recognition without a channel."""

from dataclasses import replace

import numpy as np

from .system import Air, Heard, Sent, System, Utterance
from .systems.deepsc_st import DeepSCST


class Original:
    """The recording and its transcript, as if the air were empty."""

    name = "original"
    label = "recordings"

    def send(self, utterance: Utterance) -> Sent:
        return Sent(np.empty(0, np.complex64), overhead=0, side=utterance)

    def receive(self, sent: Sent, air: Air) -> Heard:
        return Heard(sent.side.text, sent.side.samples)


class Transcript(Original):
    """The transcript, read out by the synthesiser: what the voice alone loses."""

    name = "transcript"
    label = "transcripts, synthesised"

    def receive(self, sent: Sent, air: Air) -> Heard:
        return Heard(sent.side.text, None)


class Clean(DeepSCST):
    """The default model without a channel: what the recogniser alone gets wrong."""

    name = "clean"
    label = "default model, no channel"

    def receive(self, sent: Sent, air: Air) -> Heard:
        return super().receive(sent, replace(air, kind="none"))


REFERENCES: dict[str, type[System]] = {system.name: system for system in (Original, Transcript, Clean)}
