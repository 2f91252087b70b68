"""ZeroMQ protocol, version 1: audio chunks in (PUSH -> PULL), results out (PUB -> SUB).

A message has two frames: a JSON header (UTF-8, at most `MAX_HEADER` bytes) and a raw little-endian payload
(at most `MAX_PAYLOAD` bytes).

Audio header:  version 1, type "audio", session (1..64 characters, one a sender), seq (number of the
    utterance), chunk (0, 1, 2, ...), end (true on the utterance's last chunk), user_id 0..65535,
    sample_rate (Hz), format "f32" | "s16". Payload: the mono samples of this chunk; may be empty. With `partial`
    true, if it is there, what came of the utterance so far is to be read now: somebody is still speaking.
Result header: version 1, type "result", session, seq, user_id (null where nobody knows), text, confidence,
    es_n0_db (as estimated), es_n0_db_set (as a simulation was told), channel, n_symbols, lost, error (null or a
    sentence), error_type (null or a slug), speech_rate (Hz, null without speech), and whatever else the graph
    knows of the keys of `gr_deepsc.result.Result`; the words' confidences are `word_confidence`, as
    `gr_deepsc.ctc.confidence.dump` writes them. Payload: the text as speech, mono, s16; may be empty.

    `publisher` names the socket that published it, `number` counts its results from 1 on, so that who listens knows
    what it missed; gr_deepsc/link/publisher.py has how to ask for it again.

Nothing here is executed or unpickled, and every size is bounded: what breaks a rule is a `ProtocolError`,
which a receiver reports as a result and drops. Sockets are made in gr_deepsc/link/sockets.py, chunks joined in
gr_deepsc/link/assembler.py.
"""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from ..result import Result
from ..speech.audio import MAX_RATE, MIN_RATE

VERSION = 1
MAX_HEADER = 4096  # bytes
MAX_PAYLOAD = 4 << 20  # bytes
MAX_SESSION = 64  # characters
MAX_COUNT = 2**31 - 1  # of seq and chunk
CHUNK_SECONDS = 0.5  # of speech, in the messages `pack_utterance` makes
FORMATS: dict[str, np.dtype] = {"f32": np.dtype("<f4"), "s16": np.dtype("<i2")}
SPEECH_FORMAT = "s16"  # of results

# What every result has, and its value where nobody said otherwise.
_KEYS = "session seq user_id text confidence es_n0_db es_n0_db_set channel n_symbols lost error error_type speech_rate"
RESULT = {key: getattr(Result(), key) for key in _KEYS.split()}


class Message(NamedTuple):
    """A result that came, and the text as `speech`: float32 [n], full scale 1.0.

    `publisher`, `number`: which of whose results it is; "" and 0 where it is not said.
    """

    result: Result
    speech: np.ndarray
    publisher: str = ""
    number: int = 0


class ProtocolError(ValueError):
    """A message or an utterance that breaks the protocol.

    Attributes:
        error_type: bad_message, bad_rate, too_long, gap (chunks missing) or incomplete (the rest never came).
        session, seq, user_id: whose it was, as far as the header told ("", -1, None otherwise).
    """

    def __init__(self, reason: str, error_type: str = "bad_message", header: dict | None = None) -> None:
        super().__init__(reason)
        self.error_type = error_type
        header = header or {}
        self.session = header["session"] if _is_session(header.get("session")) else ""
        self.seq = header["seq"] if _is_count(header.get("seq")) else -1
        self.user_id = header["user_id"] if _is_count(header.get("user_id"), 0xFFFF) else None

    def result(self) -> dict[str, Any]:
        """The result to publish for it, ready for `pack_result`."""
        whose = {"session": self.session, "seq": self.seq, "user_id": self.user_id}
        return RESULT | whose | {"lost": True, "error": str(self), "error_type": self.error_type}


def pack_audio(
    samples: np.ndarray,
    *,
    session: str,
    seq: int,
    chunk: int = 0,
    end: bool = True,
    user_id: int = 0,
    sample_rate: int = 16_000,
    format: str = "f32",
    partial: bool = False,
) -> list[bytes]:
    """The two frames of one audio chunk; `samples` are real [n], mono, full scale 1.0.

    Raises:
        ProtocolError: a value that no receiver would take.
    """
    if format not in FORMATS:
        raise ProtocolError(f"format {format!r} is not one of {', '.join(FORMATS)}")
    header = {"version": VERSION, "type": "audio", "session": session, "seq": seq, "chunk": chunk, "end": end}
    header |= {"user_id": user_id, "sample_rate": sample_rate, "format": format}
    header |= {"partial": True} if partial else {}
    frames = [_dump(header), _encode(samples, format)]
    unpack(frames)
    return frames


def pack_utterance(
    samples: np.ndarray,
    *,
    sample_rate: int = 16_000,
    chunk_seconds: float = CHUNK_SECONDS,
    chunk: int = 0,
    whole: bool = True,
    **header: Any,
) -> Iterator[list[bytes]]:
    """The messages of an utterance, `chunk_seconds` of audio each; `header` as for `pack_audio`.

    Of one that goes on (not `whole`), what is to be read now, and of what follows it, from the number `chunk` on.
    """
    step = max(1, round(chunk_seconds * sample_rate))
    starts = range(0, max(len(samples), 1), step)
    for number, start in enumerate(starts, chunk):
        part, last = samples[start : start + step], start + step >= len(samples)
        end, partial = last and whole, last and not whole
        yield pack_audio(part, sample_rate=sample_rate, chunk=number, end=end, partial=partial, **header)


def unpack(frames: list[bytes]) -> tuple[dict[str, Any], bytes]:
    """Check a message's frames and take them apart: its header and its payload, both as sent.

    Raises:
        ProtocolError: with a one-line reason.
    """
    if len(frames) != 2:
        raise ProtocolError(f"a message has 2 frames, this one {len(frames)}")
    head, payload = frames
    if len(head) > MAX_HEADER:
        raise ProtocolError(f"the header has {len(head)} bytes, at most {MAX_HEADER} are allowed")
    try:
        header = json.loads(bytes(head).decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise ProtocolError("the header is not JSON in UTF-8") from None
    if not isinstance(header, dict):
        raise ProtocolError("the header is not a JSON object")
    if len(payload) > MAX_PAYLOAD:
        raise ProtocolError(f"the payload has {len(payload)} bytes, at most {MAX_PAYLOAD} are allowed", header=header)
    if header.get("version") != VERSION or isinstance(header["version"], bool):
        raise ProtocolError(f"protocol version {header.get('version')!r}, this side speaks {VERSION}", header=header)
    match header.get("type"):
        case "audio":
            _check_audio(header, payload)
        case "result":
            _check_result(header, payload)
        case other:
            raise ProtocolError(f"message type {other!r} is neither 'audio' nor 'result'", header=header)
    return header, payload


def pack_result(
    fields: dict[str, Any],
    speech: np.ndarray | None = None,
    speech_rate: int | None = None,
    publisher: str = "",
    number: int = 0,
) -> list[bytes]:
    """The two frames of a result; `fields` go over the defaults of `RESULT`.

    NumPy numbers are welcome, NaN becomes null. Fields beyond `RESULT` are left out where the
    header would grow too long with them. `speech`: real [n], full scale 1.0, at `speech_rate` Hz.

    Raises:
        ProtocolError: a field that is no JSON value, a header over `MAX_HEADER` bytes, or speech over `MAX_PAYLOAD`.
    """
    about = {"version": VERSION, "type": "result", "publisher": publisher, "number": number}
    header = RESULT | fields | about
    payload = b"" if speech is None else _encode(speech, SPEECH_FORMAT)
    if payload:
        header["speech_rate"] = speech_rate
    header = {key: _plain(value) for key, value in header.items()}
    head = _dump(header)
    if len(head) > MAX_HEADER:
        head = _dump({key: header[key] for key in (*about, *RESULT)})
    frames = [head, payload]
    unpack(frames)
    return frames


def unpack_result(frames: list[bytes]) -> Message:
    """A result message taken apart.

    Raises:
        ProtocolError: not a sound message, or not a result.
    """
    header, payload = unpack(frames)
    if header["type"] != "result":
        raise ProtocolError(f"a result was expected, not a message of type {header['type']!r}", header=header)
    speech = np.frombuffer(payload, FORMATS[SPEECH_FORMAT]).astype(np.float32) / 32768
    return Message(Result.of(header), speech, header.get("publisher", ""), header.get("number", 0))


def _check_audio(header: dict[str, Any], payload: bytes) -> None:
    rules = {
        "session": _is_session,
        "seq": _is_count,
        "chunk": _is_count,
        "end": lambda value: isinstance(value, bool),
        "partial": lambda value: isinstance(value, bool),
        "user_id": lambda value: _is_count(value, 0xFFFF),
        "sample_rate": _is_count,
        "format": lambda value: isinstance(value, str) and value in FORMATS,
    }
    _check_fields({"partial": False} | header, rules)
    if not MIN_RATE <= header["sample_rate"] <= MAX_RATE:
        raise ProtocolError(
            f"sample_rate {header['sample_rate']} Hz is outside {MIN_RATE}..{MAX_RATE} Hz", "bad_rate", header
        )
    size = FORMATS[header["format"]].itemsize
    if len(payload) % size:
        raise ProtocolError(f"{len(payload)} bytes of payload are no multiple of {size}", header=header)


def _check_result(header: dict[str, Any], payload: bytes) -> None:
    text_or_null = lambda value: value is None or _is_text(value)  # noqa: E731
    number_or_null = lambda value: value is None or _is_number(value)  # noqa: E731
    rules = {
        "session": lambda value: value == "" or _is_session(value),
        "seq": lambda value: value == -1 or _is_count(value),
        "user_id": lambda value: value is None or _is_count(value, 0xFFFF),
        "text": _is_text,
        "confidence": number_or_null,
        "es_n0_db": number_or_null,
        "es_n0_db_set": number_or_null,
        "channel": text_or_null,
        "n_symbols": _is_count,
        "lost": lambda value: isinstance(value, bool),
        "error": text_or_null,
        "error_type": text_or_null,
    }
    _check_fields(header, rules)
    if not (_is_text(header.get("publisher", "")) and _is_count(header.get("number", 0))):
        raise ProtocolError("publisher or number is not allowed", header=header)
    rate = header.get("speech_rate")
    sound = _is_count(rate, MAX_RATE) and rate >= MIN_RATE if payload else rate is None
    if not sound:
        raise ProtocolError(f"speech_rate {str(rate)[:40]!r} is not allowed", header=header)
    if len(payload) % FORMATS[SPEECH_FORMAT].itemsize:
        raise ProtocolError(f"{len(payload)} bytes of speech are no 16-bit samples", header=header)


def _check_fields(header: dict[str, Any], rules: dict[str, Callable[[Any], bool]]) -> None:
    for key, rule in rules.items():
        if key not in header:
            raise ProtocolError(f"the header has no {key!r}", header=header)
        if not rule(header[key]):
            raise ProtocolError(f"{key} {str(header[key])[:40]!r} is not allowed", header=header)


def _is_count(value: object, limit: int = MAX_COUNT) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: object) -> TypeGuard[str]:
    # a lone surrogate is legal in JSON and breaks every later encoding
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_session(value: object) -> bool:
    return _is_text(value) and 1 <= len(value) <= MAX_SESSION and value.isprintable()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _encode(samples: np.ndarray, format: str) -> bytes:
    samples = np.asarray(samples, dtype=np.float32)
    if format == "s16":
        samples = np.clip(np.round(np.nan_to_num(samples) * 32768), -32768, 32767)
    return samples.astype(FORMATS[format]).tobytes()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _dump(header: dict[str, Any]) -> bytes:
    try:
        return json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"the header is no JSON: {error}") from None
