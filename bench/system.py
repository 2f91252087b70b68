"""What every compared system is: speech in, text and speech out, over one and the same channel."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gr_deepsc.phy import channel


@dataclass(frozen=True)
class Recording:
    """A test recording: float32 [samples] at 16 kHz, full scale 1, and its transcript in the project's alphabet."""

    key: str  # CORPUS/NAME
    samples: np.ndarray
    text: str


@dataclass(frozen=True)
class Air:
    """One realisation of a channel: `seq` is the utterance's number, as in `deepsc simulate`."""

    kind: str  # of channel.KINDS
    es_n0_db: float
    seed: int
    seq: int

    def __call__(self, symbols: np.ndarray) -> channel.Received:
        """complex64 [n], E|x|^2 = 1, through the channel.

        Systems that send equally many symbols meet the same fading and noise; the others the same seed's.
        """
        rng = np.random.default_rng([self.seed, self.seq])
        return channel.transmit(symbols, self.kind, self.es_n0_db, rng)


@dataclass(frozen=True)
class Sent:
    """What a transmitter made of an utterance, whatever the channel: computed once, used at every SNR."""

    symbols: np.ndarray  # complex64 [n], E|x|^2 = 1: what crosses the channel
    # symbols of framing and modem (headers, pilots, CRC, padding) among or beside them, told apart
    overhead: int
    side: Any = None  # what the receiver is taken to know without error (lengths), picklable


@dataclass(frozen=True)
class Heard:
    """What a receiver made of it."""

    text: str  # recognised at the end of the chain
    # float32 at 16 kHz: decoded, or None where it is `text` spoken by the synthesiser
    speech: np.ndarray | None
    frame_errors: float = 0.0  # share of code blocks whose CRC failed; 0 where there are none


class System(Protocol):
    """A complete chain; models are loaded when it is made, once a process."""

    name: str
    label: str  # in figures

    def send(self, utterance: Recording) -> Sent:
        """What the transmitter makes of the speech: the same at every SNR."""
        ...

    def receive(self, sent: Sent, air: Air) -> Heard:
        """What the receiver makes of it behind `air`."""
        ...
