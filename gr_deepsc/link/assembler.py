"""Audio chunks of many senders into whole utterances."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..speech.audio import MAX_SECONDS
from .protocol import FORMATS, ProtocolError

LEAST_S = 0.25  # that an utterance grows from one partial to the next


@dataclass(frozen=True)
class Utterance:
    """One utterance, or with `partial` what came so far: float32 [n], mono, full scale 1.0, at `sample_rate` Hz."""

    session: str
    seq: int
    user_id: int
    sample_rate: int
    samples: np.ndarray
    partial: bool = False


@dataclass
class _Pending:
    header: dict[str, Any]  # of the first chunk
    touched: float  # monotonic seconds
    failed: bool = False  # reported already: its remaining chunks are skipped without another word
    next_chunk: int = 0
    samples: int = 0
    given: int = 0  # samples of it that were given out as partial
    parts: list[bytes] = field(default_factory=list)


class Assembler:
    """Joins the chunks of each session into utterances, in bounded memory.

    A session sends one utterance at a time. Over `max_sessions` sessions or `max_bytes` of audio the one
    silent for longest is dropped; so is one silent for `idle_s` seconds, and one whose sender starts over.
    """

    def __init__(
        self,
        max_sessions: int = 64,
        max_bytes: int = 64 << 20,
        idle_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._idle_s = idle_s
        self._clock = clock
        self._pending: OrderedDict[str, _Pending] = OrderedDict()  # the one silent for longest first
        self._abandoned: list[ProtocolError] = []

    def push(self, header: dict[str, Any], payload: bytes) -> Utterance | None:
        """Take a chunk, as `unpack` gave it; the utterance when this was its last one, or what there is if it says so.

        Raises:
            ProtocolError: the chunk does not belong here (gap, too_long, bad_message). Raised once an
                utterance: its remaining chunks are then skipped.
        """
        if header["type"] != "audio":
            raise ProtocolError(f"an audio chunk was expected, not a message of type {header['type']!r}", header=header)
        self._drop_idle()
        pending = self._utterance_of(header)
        if pending.failed:
            return self._finish(header) if header["end"] else None
        try:
            self._append(pending, header, payload)
        except ProtocolError:
            pending.failed, pending.parts = True, []
            if header["end"]:
                self._finish(header)
            raise
        self._make_room(header["session"])
        if header["end"]:
            return self._finish(header)
        return self._so_far(header) if header.get("partial") else None

    def abandoned(self) -> list[ProtocolError]:
        """The utterances dropped unfinished since the last call, one error each. Call it now and then."""
        self._drop_idle()
        errors, self._abandoned = self._abandoned, []
        return errors

    @property
    def pending_bytes(self) -> int:
        """Bytes of audio held for unfinished utterances."""
        return sum(len(part) for pending in self._pending.values() for part in pending.parts)

    def _utterance_of(self, header: dict[str, Any]) -> _Pending:
        session = header["session"]
        pending = self._pending.get(session)
        if pending is not None and (pending.header["seq"] != header["seq"] or header["chunk"] == 0):
            self._abandon(session, "its sender began another utterance before ending it")
            pending = None
        if pending is None:
            pending = self._pending[session] = _Pending(header, self._clock())
        pending.touched = self._clock()
        self._pending.move_to_end(session)
        return pending

    def _append(self, pending: _Pending, header: dict[str, Any], payload: bytes) -> None:
        if header["chunk"] != pending.next_chunk:
            raise ProtocolError(
                f"chunk {header['chunk']} came where {pending.next_chunk} was due; send the utterance again",
                "gap",
                header,
            )
        for key in ("sample_rate", "format", "user_id"):
            if header[key] != pending.header[key]:
                raise ProtocolError(f"{key} changed within an utterance", header=header)
        pending.next_chunk += 1
        pending.samples += len(payload) // FORMATS[header["format"]].itemsize
        if pending.samples > MAX_SECONDS * header["sample_rate"]:
            raise ProtocolError(
                f"the utterance is longer than {MAX_SECONDS:g} s; `deepsc send` cuts what is longer at its pauses",
                "too_long",
                header,
            )
        if payload:  # empty chunks are legal and must not cost memory
            pending.parts.append(payload)

    def _finish(self, header: dict[str, Any]) -> Utterance | None:
        pending = self._pending.pop(header["session"])
        return None if pending.failed else self._utterance(header, pending)

    def _so_far(self, header: dict[str, Any]) -> Utterance | None:
        """All that came of it, if that is `LEAST_S` more than the last time: no chunk by chunk work."""
        pending = self._pending.get(header["session"])
        if pending is None or pending.samples - pending.given < LEAST_S * header["sample_rate"]:
            return None
        pending.given = pending.samples
        return self._utterance(header, pending, partial=True)

    @staticmethod
    def _utterance(header: dict[str, Any], pending: _Pending, partial: bool = False) -> Utterance:
        samples = np.frombuffer(b"".join(pending.parts), FORMATS[header["format"]])
        scale = 1 / 32768 if header["format"] == "s16" else 1
        return Utterance(
            header["session"],
            header["seq"],
            header["user_id"],
            header["sample_rate"],
            samples.astype(np.float32) * np.float32(scale),
            partial,
        )

    def _abandon(self, session: str, reason: str) -> None:
        pending = self._pending.pop(session)
        if not pending.failed:
            self._abandoned.append(ProtocolError(f"the utterance was dropped: {reason}", "incomplete", pending.header))
            del self._abandoned[: -self._max_sessions]

    def _drop_idle(self) -> None:
        while self._pending:
            session, pending = next(iter(self._pending.items()))
            if self._clock() - pending.touched <= self._idle_s:
                return
            self._abandon(session, f"its sender fell silent for {self._idle_s:g} s")

    def _make_room(self, keep: str) -> None:
        while len(self._pending) > self._max_sessions or self.pending_bytes > self._max_bytes:
            oldest = next(iter(self._pending))
            if oldest == keep:
                return
            self._abandon(oldest, "too many others were sending")
