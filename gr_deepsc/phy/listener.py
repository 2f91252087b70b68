"""What a receiver makes of a stream: utterances, headers that cannot be read, and counters."""

from collections.abc import Container, Iterator
from typing import Any

import numpy as np

from .burst import Burst, Lost
from .frame import MAX_FRAMES, Layout
from .pieces import PATIENCE_S
from .pulse import SAMPLES_PER_SYMBOL
from .receiver import BurstReceiver
from .utterance import PATIENCE, SEQUENCE, Joiner, Reception

LONGEST = SAMPLES_PER_SYMBOL * Layout(MAX_FRAMES).symbols  # samples of the longest burst
SEQUENCE_GAP = 16  # a larger jump of the sequence number is a sender that began anew
_LATE = 2 * LONGEST / PATIENCE  # `PATIENCE` times this: a longest burst, and what the receiver looks ahead


class Listener:
    """`BurstReceiver` and `Joiner`, and the account of what was heard.

    What comes out depends on the stream, not on the pieces in which it is pushed.
    """

    def __init__(self, codecs: Container[int] = range(16), symbol_rate: float = 50_000.0, patient: float = 1.0) -> None:
        """As of `BurstReceiver`, which may work `patient` times as much for a second as with a live stream."""
        self._receiver, self._joiner = BurstReceiver(codecs, symbol_rate / patient), Joiner()
        self._patience = PATIENCE_S * SAMPLES_PER_SYMBOL * symbol_rate
        self._sequence: dict[int, int] = {}  # the last one of each user
        self.position = 0  # samples that have been worked on, of all streams
        self._stream = 0  # samples of this stream
        self.utterances = self.lost = 0

    @property
    def detected(self) -> int:
        """Bursts found, readable or not."""
        return self._receiver.detected

    @property
    def header_errors(self) -> int:
        """Bursts found whose header could not be read."""
        return self._receiver.header_errors

    @property
    def overloads(self) -> int:
        """Bursts found that were not worked on, because too many were."""
        return self._receiver.overloads

    @property
    def counters(self) -> dict[str, int]:
        """All of them by name; `lost` are utterances that the sequence numbers miss."""
        names = ("detected", "header_errors", "overloads", "lost", "utterances")
        return {name: getattr(self, name) for name in names}

    def push(self, samples: np.ndarray) -> list[Reception | Lost]:
        """What these samples, complex64 [n], 4 a symbol, completed."""
        found = list(self._take(self._receiver.push(samples)))
        self._stream += len(samples)
        # A burst that began in time may still be on its way: it must not matter in how many pieces it comes.
        expired = self._joiner.expire(self._stream, LONGEST + _LATE, self._patience + 2 * LONGEST)
        self.position += len(samples)
        self.utterances += len(expired)
        return found + expired

    def flush(self, skipping: bool = False) -> list[Reception | Lost]:
        """The stream has ended, or some of it is skipped: what is still in it. Then another stream may begin."""
        found = list(self._take(self._receiver.flush(skipping)))
        rest = self._joiner.flush()
        self.utterances += len(rest)
        self._stream = 0
        return found + rest

    def _take(self, events: list[Burst | Lost]) -> Iterator[Reception | Lost]:
        for event in events:
            if isinstance(event, Lost):
                yield event
                continue
            self._count(event)
            # in the stream's own time, whatever the pieces
            done = [*self._joiner.expire(event.start, LONGEST, self._patience), *self._joiner.push(event)]
            self.utterances += len(done)
            yield from done

    def _count(self, burst: Burst) -> None:
        """Sequence numbers that were jumped over are utterances that nobody heard."""
        head = burst.header
        before = self._sequence.get(head.user_id)
        if before is not None and head.seq != before:
            jump = (head.seq - before) % SEQUENCE
            self.lost += jump - 1 if jump <= SEQUENCE_GAP else 0
        self._sequence[head.user_id] = head.seq


def describe(event: Reception | Lost, symbol_rate: float) -> dict[str, Any]:
    """What is known of an utterance or of a burst whose header was not read, as metadata of a result.

    Means over the bursts are weighted by their length. `timing` is a sample of the stream, `received` the share of
    the utterance that was in it.

    Args:
        symbol_rate: Hz, for `cfo_hz` and `drift_hz_s`; told along.
    """
    if isinstance(event, Lost):
        return {
            "seq": -1,
            "es_n0_db": float(event.es_n0_db),
            "symbol_rate": symbol_rate,
            "cfo_hz": float(event.cfo * symbol_rate),
            "timing": float(event.start),
        }
    bursts = event.bursts
    came = len(bursts) if event.came else 0
    piece = {} if event.piece is None else event.piece._asdict()
    weights = [len(burst.symbols) for burst in bursts]

    def mean(name: str) -> float:
        return float(np.average([getattr(burst, name) for burst in bursts], weights=weights))

    return piece | {
        "session": "",
        "seq": event.seq,
        "user_id": event.user_id,
        "codec": event.codec,
        "es_n0_db": mean("es_n0_db"),
        "symbol_rate": symbol_rate,
        "cfo_hz": mean("cfo") * symbol_rate,
        "drift_hz_s": mean("drift") * symbol_rate**2,
        "clock_ppm": mean("clock_ppm"),
        "evm": mean("evm"),
        "inverted": bursts[0].inverted,
        "timing": float(bursts[0].start),
        "fading": bursts[0].channel,
        "n_symbols": len(event.symbols),
        "preamble": bursts[0].preamble.name,
        "n_bursts": came,
        "bursts_missing": event.missing,
        "realigned": sum(burst.realigned for burst in bursts),
        "received": mean("received") * came / (came + event.missing),
    }
