"""What the systems are compared with: the recording itself, and recognition without a channel."""

import numpy as np

from .system import Air, Heard, Recording, Sent, System
from .systems import recogniser


class Original:
    """The recording and its transcript, as if the air were empty."""

    name = "original"
    label = "recordings"

    def send(self, utterance: Recording) -> Sent:
        """`side`: the recording. No symbols."""
        return Sent(np.empty(0, np.complex64), overhead=0, side=utterance)

    def receive(self, sent: Sent, air: Air) -> Heard:
        """Transcript and recording, whatever the air."""
        return Heard(sent.side.text, sent.side.samples)


class Transcript(Original):
    """The transcript, read out by the synthesiser: what the voice alone loses."""

    name = "transcript"
    label = "transcripts, synthesised"

    def receive(self, sent: Sent, air: Air) -> Heard:
        """The transcript, without speech: the synthesiser's is measured."""
        return Heard(sent.side.text, None)


class Clean:
    """The recogniser where the speech is: what the paper calls its ground truth."""

    name = "clean"
    label = "recogniser alone (greedy CTC), no channel"

    def __init__(self) -> None:
        recogniser.transmitter()

    def send(self, utterance: Recording) -> Sent:
        """`side`: the features P. No symbols."""
        return Sent(np.empty(0, np.complex64), overhead=0, side=recogniser.features(utterance.samples))

    def receive(self, sent: Sent, air: Air) -> Heard:
        """Their text, whatever the air."""
        return Heard(recogniser.text_of(sent.side), None)


class Read:
    """The reader where the speech is: the text that all of today's systems send."""

    name = "read"
    label = "reader alone, no channel"

    def __init__(self) -> None:
        recogniser.encoder()

    def send(self, utterance: Recording) -> Sent:
        """`side`: the text. No symbols. What the others keep is read anew: this is what reading costs."""
        recogniser.forget()
        return Sent(np.empty(0, np.complex64), overhead=0, side=recogniser.spell(utterance.samples))

    def receive(self, sent: Sent, air: Air) -> Heard:
        """The text, whatever the air."""
        return Heard(sent.side, None)


REFERENCES: dict[str, type[System]] = {system.name: system for system in (Original, Transcript, Clean, Read)}
