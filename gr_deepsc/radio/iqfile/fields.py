"""What fields of SigMF metadata mean, taken as far as they are what they should be: numbers, places, marks."""

import math
from dataclasses import dataclass
from typing import Any

from .samples import Blemishes, Source, Stretch


@dataclass(frozen=True)
class Annotation:
    """A marked stretch of a recording; `count` is None where only its start is known."""

    start_sample: int
    count: int | None
    label: str
    comment: str


def number(value: Any) -> float | None:
    """A finite number, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return float(value) if math.isfinite(value) else None


def whole(value: Any) -> int | None:
    """A whole number, None where it is none."""
    found = number(value)
    return int(found) if found is not None and found == int(found) and abs(found) < 2**63 else None


def text(value: Any) -> str:
    """A text, empty where it is none."""
    return value if isinstance(value, str) else ""


def start_of(capture: dict) -> int:
    """Absent is 0: SDRangel, like libsigmf's FlatBuffers, leaves zeros out."""
    return whole(capture.get("core:sample_start", 0)) or 0


def stretches(
    data: Source, size: int, info: dict, captures: list[dict], offset: int, blemishes: Blemishes
) -> tuple[Stretch, ...]:
    """Where samples of `size` bytes lie: before each capture may be a header, and something behind the last one."""
    end = data.size - max(0, whole(info.get("core:trailing_bytes")) or 0)
    headers = [(start_of(each) - offset, max(0, whole(each.get("core:header_bytes")) or 0)) for each in captures]
    found, sample, place = [], 0, 0
    for start, header in sorted(each for each in headers if each[1]):
        start = max(start, sample)
        found.append(Stretch(place, start - sample))
        place += (start - sample) * size + header
        sample = start
    rest, remainder = divmod(max(0, end - place), size)
    if remainder:
        blemishes.add(f"{data.name} ends within a sample: its last {remainder} bytes are left out")
    found.append(Stretch(place, rest))
    kept = tuple(each for each in found if each.length and each.start + each.length * size <= end)
    count = sum(each.length for each in kept)
    if len([each for each in found if each.length]) > len(kept) or any(start > count for start, _ in headers):
        blemishes.add(f"{data.name} has {count} samples, its metadata speaks of more; played is what is there")
    return kept


def marks(entries: list[dict], offset: int, count: int, name: str, blemishes: Blemishes) -> tuple[Annotation, ...]:
    """Annotations within the recording; what lies beyond its end is cut off."""
    kept = []
    for each in entries:
        start, length = whole(each.get("core:sample_start", 0)), whole(each.get("core:sample_count"))
        if start is None:
            blemishes.add(f"{name}: annotations whose core:sample_start is no whole number are left out")
            continue
        start -= offset
        if start + (length or 0) > count:
            blemishes.add(f"{name}: an annotation ends behind the {count} samples that there are; it is cut off")
            start = min(start, count)
            length = None if length is None else min(length, count - start)
        kept.append(Annotation(start, length, text(each.get("core:label")), text(each.get("core:comment"))))
    return tuple(kept)
