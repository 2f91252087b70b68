"""What the blocks share: PDUs, (metadata dict, uniform vector) pairs, and bad ones turned into results.

Metadata stays a pmt dict, so that keys a block does not know pass through it untouched.
"""

import time
from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from ..result import Result

LATE_S = 10.0  # that what was heard live may wait in the queues of the blocks behind the receiver
KINDS = {
    "audio": ("an f32vector", pmt.is_f32vector, pmt.f32vector_elements, np.float32),
    "symbols": ("a c32vector", pmt.is_c32vector, pmt.c32vector_elements, np.complex64),
}


class PduError(ValueError):
    """An utterance that cannot go on. `error_type` is a short slug, the message says what to do."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def unpack(message: Any, kind: str) -> tuple[Any, np.ndarray]:
    """Metadata (pmt dict) and vector (float32 or complex64 [n]) of an "audio" or "symbols" PDU.

    Raises:
        PduError: bad_message, when it is none.
    """
    name, is_kind, elements, dtype = KINDS[kind]
    if not (pmt.is_pair(message) and pmt.is_dict(pmt.car(message)) and is_kind(pmt.cdr(message))):
        raise PduError("bad_message", f"not a PDU of {kind}: needed is (metadata dict, {name})")
    return pmt.car(message), np.array(elements(pmt.cdr(message)), dtype)


def metadata(message: Any) -> Any:
    """The metadata of anything: a pmt dict, empty where the message is no PDU."""
    sound = pmt.is_pair(message) and pmt.is_dict(pmt.car(message))
    return pmt.car(message) if sound else pmt.make_dict()


def plain_fields(meta: Any) -> dict[str, Any]:
    """The metadata values that are a string, a number or a truth value, by key."""
    items = pmt.dict_items(meta)
    pairs = [pmt.nth(i, items) for i in range(pmt.length(items))]
    plain = (pmt.is_symbol, pmt.is_bool, pmt.is_integer, pmt.is_real)
    return {
        pmt.to_python(pmt.car(pair)): pmt.to_python(pmt.cdr(pair))
        for pair in pairs
        if any(is_a(pmt.cdr(pair)) for is_a in plain)
    }


def result_of(message: Any) -> Result | None:
    """What a PDU of a text or a failure tells; None of anything else."""
    try:
        return Result.of(plain_fields(pmt.car(message)))
    except Exception:  # whoever only looks on must not end because of a message
        return None


def get(meta: Any, key: str, default: Any) -> Any:
    """A metadata value, of the type of `default` (str, bool, int, float); `default` where the key is absent.

    Raises:
        PduError: bad_message, when it is of another type.
    """
    value = pmt.dict_ref(meta, pmt.intern(key), pmt.PMT_NIL)
    if pmt.is_null(value):
        return default
    value = pmt.to_python(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(default):
        raise PduError("bad_message", f"metadata {key!r} is {value!r}, not of type {type(default).__name__}")
    return value


def put(meta: Any, **values: Any) -> Any:
    """`meta` with str, bool, int, float, float32- or complex64-array values added; None takes the key out."""
    for key, value in values.items():
        key = pmt.intern(key)
        if value is None:
            meta = pmt.dict_delete(meta, key)
        elif isinstance(value, np.ndarray):
            vector = pmt.init_c32vector if np.iscomplexobj(value) else pmt.init_f32vector
            meta = pmt.dict_add(meta, key, vector(len(value), value.tolist()))
        else:
            meta = pmt.dict_add(meta, key, pmt.to_pmt(value))
    return meta


def check_punctual(meta: Any) -> None:
    """Refuse to work on what waited too long: queues are bounded in seconds where the source is live (`heard_at`).

    Raises:
        PduError: overrun.
    """
    heard_at = get(meta, "heard_at", 0.0)
    if heard_at and (late := time.monotonic() - heard_at) > LATE_S:
        raise PduError("overrun", f"it waited {late:.0f} s, {LATE_S:g} at most; a faster machine helps")


def failure(meta: Any, error_type: str, error: str) -> Any:
    """The PDU of a lost utterance: its metadata with the reason, no text, an empty vector."""
    meta = put(meta, lost=True, error_type=error_type, error=error, text="", confidence=0.0, csi=None, reliability=None)
    return pmt.cons(meta, pmt.init_u8vector(0, []))


class PduBlock(gr.basic_block):
    """A block that handles one PDU at a time. Subclasses write `handle`; whatever it raises becomes a result.

    An exception out of a message handler would silently end the block's thread, so here it is counted
    (`refused`), logged, and published as a lost utterance on `failed`. A PDU that is lost already goes there
    unhandled.
    """

    def __init__(self, name: str, port_in: str, port_out: str | None = None, failed: str | None = "failed"):
        """Message ports by name; `failed` may be `port_out`."""
        gr.basic_block.__init__(self, name=name, in_sig=None, out_sig=None)
        self.refused = 0
        self._in, self._out = pmt.intern(port_in), pmt.intern(port_out or "")
        self._failed = pmt.intern(failed or "")
        self.message_port_register_in(self._in)
        for port in {port_out, failed} - {None}:
            self.message_port_register_out(pmt.intern(port))
        self.set_msg_handler(self._in, self._receive)

    def handle(self, message: Any) -> None:
        """Do the block's work on `message` and `publish` what comes of it."""
        raise NotImplementedError

    def publish(self, meta: Any, vector: Any) -> None:
        """Send (meta, vector) on; a NumPy array goes as a c32vector."""
        if isinstance(vector, np.ndarray):
            vector = pmt.init_c32vector(len(vector), vector.tolist())
        self.message_port_pub(self._out, pmt.cons(meta, vector))

    def fail(self, lost: Any) -> None:
        """Send a lost utterance's PDU on."""
        self.message_port_pub(self._failed, lost)

    def _receive(self, message: Any) -> None:
        meta = metadata(message)
        try:
            if pmt.dict_has_key(meta, pmt.intern("error")):
                self.fail(message)
            else:
                self.handle(message)
        except Exception as error:
            self.refuse(meta, error)

    def refuse(self, meta: Any, error: Exception) -> None:
        """Count and tell an utterance that cannot go on."""
        self.refused += 1
        error_type = getattr(error, "error_type", "internal")
        self.logger.warn(f"utterance refused ({error_type}): {error}")
        self.fail(failure(meta, error_type, str(error)))
