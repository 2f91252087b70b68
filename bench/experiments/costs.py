"""CPU seconds of every item: they differ from run to run, so they are kept apart from the results."""

from collections.abc import Sequence

from gr_deepsc.framing import SAMPLE_RATE

from ..store import Item
from ..work import Point


def costs(items: dict[tuple[str, Point | None, str], Item], systems: Sequence[str]) -> list[dict]:
    """A row for each system, channel, Es/N0 and utterance: CPU seconds of sending and of receiving."""
    rows = []
    for (system, point, utterance), item in items.items():
        if point is None or system not in systems:
            continue
        sent = items[system, None, utterance]
        rows.append(
            {
                "system": system,
                "channel": point.kind,
                "es_n0_db": f"{point.es_n0_db:g}",
                "utterance": utterance,
                "speech_s": round(sent.figures["samples"] / SAMPLE_RATE, 3),
                "send_s": round(sent.seconds, 4),
                "receive_s": round(item.seconds, 4),
            }
        )
    return rows


def table(rows: Sequence[dict]) -> str:
    """Means over utterances and channels, a line for each system and Es/N0, with the real-time factor of both ends."""
    lines = [f"{'CPU seconds an utterance':28} {'Es/N0':>6} {'send':>9} {'receive':>9} {'rtf':>7}"]
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        groups.setdefault((row["system"], row["es_n0_db"]), []).append(row)
    for (system, es_n0_db), group in groups.items():
        total = {name: sum(row[name] for row in group) for name in ("speech_s", "send_s", "receive_s")}
        send, receive = total["send_s"] / len(group), total["receive_s"] / len(group)
        factor = (total["send_s"] + total["receive_s"]) / total["speech_s"]
        lines.append(f"{system:28} {es_n0_db:>6} {send:9.4f} {receive:9.4f} {factor:7.4f}")
    return "\n".join(lines)
