"""The results of a long recording's utterances as the recording's one."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from .ctc.confidence import UNRELIABLE
from .result import Result

_FIRST = ("seq", "time_s", "timing", "warning")
_SUMS = (
    *("seconds", "nominal_s", "n_symbols", "air_symbols", "air_energy", "n_bursts", "bursts_missing", "realigned"),
    *("decode_s", "speech_s", "synthesis_s"),
)
_MEANS = ("es_n0_db", "cfo_hz", "drift_hz_s", "clock_ppm", "evm")


def joined(results: Sequence[Result]) -> Result:
    """One result for the utterances of one recording, in order: at least one.

    Texts are joined by a space and words are one list; sizes and times are sums; what a receiver estimated is the mean
    over the utterances, confidence that over the words; `lost` is where all are. Of the other keys those in which all
    agree are kept. What follows from several keys, as `rtf` does, is for the caller: `simulation.finished`.

    >>> parts = [Result(text="the sun set", n_symbols=400, seconds=1.0), Result(text="please sit", seconds=0.5)]
    >>> whole = joined([*parts, Result(lost=True, error="no burst was found", error_type="not_detected")])
    >>> whole.text, whole.n_symbols, whole.seconds, whole.utterances
    ('the sun set please sit', 400, 1.5, 3)
    >>> whole.lost, whole.error_type, whole.error
    (False, 'utterances_missing', '1 of 3 utterances is missing: no burst was found')
    """
    names = [key.name for key in fields(Result) if key.init]
    known = {name: [v for each in results if (v := getattr(each, name)) is not None] for name in names}
    one: dict[str, Any] = {name: values[0] if len(set(values)) == 1 else None for name, values in known.items()}
    one |= {name: known[name][0] for name in _FIRST if known[name]}
    one |= {name: _rounded(name, sum(known[name])) for name in _SUMS if known[name]}
    one |= {name: _rounded(name, sum(known[name]) / len(known[name])) for name in _MEANS if known[name]}
    one["text"] = " ".join(each.text for each in results if each.text)
    one["words"] = tuple(word for each in results for word in each.words)
    doubts = sum(len(each.words) * (each.confidence or 0.0) for each in results)
    one["confidence"] = _rounded("confidence", doubts / max(1, len(one["words"])))
    one["lost"] = all(known["lost"])
    one["detected"] = any(known["detected"]) if known["detected"] else None
    one["overhead"], one["received"] = _overhead(results), _received(results)
    return Result(**one | {"utterances": len(results), **_error(results)})


def _rounded(name: str, value: float) -> float:
    digits = Result.__dataclass_fields__[name].metadata["digits"]
    return value if digits is None else round(value, digits)


def _overhead(results: Sequence[Result]) -> float | None:
    """Of all symbols of the bursts of which it is known."""
    sizes = [(each.n_symbols, each.overhead) for each in results if each.overhead is not None and each.n_symbols]
    if not sizes:
        return None
    return _rounded("overhead", 1 - sum(n for n, _ in sizes) / sum(n / (1 - share) for n, share in sizes))


def _received(results: Sequence[Result]) -> float | None:
    """By their seconds; nothing came of the lost ones."""
    total = sum(each.seconds or 0.0 for each in results)
    if not total or all(each.received is None for each in results):
        return None
    return _rounded("received", sum((each.received or 0.0) * (each.seconds or 0.0) for each in results) / total)


def _error(results: Sequence[Result]) -> dict[str, str | None]:
    """How many are missing, and what was the matter with the first that has an error."""
    lost = [each for each in results if each.lost]
    first = next((each for each in lost or results if each.error), None)
    if first is None:
        return {"error": None, "error_type": None}
    if not lost:
        count = sum(each.error is not None for each in results)
        error_type, what = first.error_type, "has" if count == 1 else "have"
        flaw = "no text to rely on" if error_type == UNRELIABLE else "gaps"
        told = f"{count} of {len(results)} utterances {what} {flaw}"
    elif len(lost) == len(results):
        error_type, told = first.error_type, f"none of the {len(results)} utterances came"
    else:
        error_type, what = "utterances_missing", "is" if len(lost) == 1 else "are"
        told = f"{len(lost)} of {len(results)} utterances {what} missing"
    return {"error": f"{told}: {first.error}", "error_type": error_type}
