"""The published figures as tables: `python -m deepsc_bench.tables > bench/tables.md`."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .experiments import EXPERIMENTS
from .plot import CHANNELS
from .record import FIGURES

THRESHOLD = 0.15  # CER up to which a text is readable
Row = dict[str, str]


def main() -> None:
    """Print all tables of the published figures."""
    print("\n".join(document(FIGURES)))


def document(folder: Path) -> Iterable[str]:
    """The lines of tables.md, of the CSVs in a folder."""
    yield "# Tables"
    yield "\nMade of `bench/figures/*.csv` by `python -m deepsc_bench.tables > bench/tables.md`; the commands that make"
    yield "those are named above each table. What the columns mean: [docs/bench.md](../docs/bench.md)."
    for name, experiment in EXPERIMENTS.items():
        if not (folder / f"{name}.csv").is_file():
            continue
        about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        yield f"\n## {name}: {experiment.title}"
        count = len(about["utterances"])
        yield f"\n`deepsc bench {name} --corpus ...`, {about['made']}" + f", {count} recordings" * (count > 0)
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            yield from _TABLES.get(name, _plain)(list(csv.DictReader(file)))


def thresholds(rows: Sequence[Row], y: str = "cer", least: float = THRESHOLD) -> list[Row]:
    """Es/N0 in dB from which on column `y` stays at or below `least`: a row a system, a column a channel.

    Between two points that were measured, by a straight line; "<" the first one where it is below from there on.
    """
    found: dict[str, Row] = {}
    for label, channel, points in _curves(rows, y):
        above = [k for k, (_, value) in enumerate(points) if value > least]
        if not above:
            text = f"< {points[0][0]:g}"
        elif above[-1] == len(points) - 1:
            text = "never"
        else:
            (x0, y0), (x1, y1) = points[above[-1] : above[-1] + 2]
            text = f"{x0 + (y0 - least) / (y0 - y1) * (x1 - x0):.1f}"
        found.setdefault(label, {"system": label})[CHANNELS[channel]] = text
    return list(found.values())


def _curves(rows: Sequence[Row], y: str) -> Iterable[tuple[str, str, list[tuple[float, float]]]]:
    """Label, channel, and (Es/N0, y) in order of Es/N0, of each curve."""
    curves: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        if row["channel"] in CHANNELS and row[y]:
            curves.setdefault((row["label"], row["channel"]), []).append((float(row["es_n0_db"]), float(row[y])))
    for (label, channel), points in curves.items():
        yield label, channel, sorted(points)


def _plain(rows: Sequence[Row]) -> Iterable[str]:
    """All rows and columns."""
    yield ""
    yield "| " + " | ".join(rows[0]) + " |"
    yield "| " + " | ".join("---" for _ in rows[0]) + " |"
    for row in rows:
        yield "| " + " | ".join(value.replace("|", "\\|") for value in row.values()) + " |"


def _over_es_n0(*columns: str) -> Callable[[Sequence[Row]], Iterable[str]]:
    """Tables of each of `columns` against Es/N0, a channel at a time, and where CER becomes readable."""

    def tables(rows: Sequence[Row]) -> Iterable[str]:
        for y in columns:
            for channel, title in CHANNELS.items():
                if any(row["channel"] == channel for row in rows):
                    yield f"\n{y.upper()}, {title}, at Es/N0 in dB:"
                    yield from _plain(_pivot(rows, channel, y))
        references = [row for row in rows if row["channel"] == "none"]
        if references:
            told = (f"{row['label']}: " + ", ".join(f"{y.upper()} {row[y]}" for y in columns) for row in references)
            yield "\nReferences: " + "; ".join(told) + "."
        if "cer" in columns:
            yield f"\nEs/N0 in dB from which the CER is {THRESHOLD} or less, between the points measured:"
            yield from _plain(thresholds(rows))

    return tables


def _pivot(rows: Sequence[Row], channel: str, y: str) -> list[Row]:
    """A row a label, a column an Es/N0."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["channel"] == channel:
            found.setdefault(row["label"], {"": row["label"]})[row["es_n0_db"]] = (
                f"{float(row[y]):.3f}" if row[y] else ""
            )
    return list(found.values())


def _some(*columns: str) -> Callable[[Sequence[Row]], Iterable[str]]:
    """Only these columns of all rows."""
    return lambda rows: _plain([{name: row[name] for name in columns} for row in rows])


def _robust(rows: Sequence[Row]) -> Iterable[str]:
    """As error rates, a curve where a model was trained."""
    yield from _over_es_n0("cer")([row | {"label": row["trained_at"]} for row in rows])


def _losses(rows: Sequence[Row]) -> Iterable[str]:
    """Every fifth epoch, and the last."""
    last = max(int(row["epoch"]) for row in rows)
    kept = [row for row in rows if int(row["epoch"]) in (1, last) or int(row["epoch"]) % 5 == 0]
    yield from _plain([row | {"loss": row["loss"][:6], "valid_loss": row["valid_loss"][:6]} for row in kept])


_TABLES = {
    "fig4": _losses,
    "fig5": _over_es_n0("cer"),
    "fig6": _over_es_n0("wer"),
    "fig7": _over_es_n0("fdsd"),
    "fig8": _over_es_n0("kdsd2"),
    "judge": _over_es_n0("cer"),
    "rates": _over_es_n0("cer"),
    "symbols": _some("label", "symbols", "channel", "es_n0_db", "cer"),
    "unknown": _some("label", "channel", "cer", "cer_low", "cer_high", "readable", "in_part", "lost"),
    "fig10": _some("label", "text", "cer"),
    "test-clean": _over_es_n0("wer", "cer"),
    "robust": _robust,
}

if __name__ == "__main__":
    main()
