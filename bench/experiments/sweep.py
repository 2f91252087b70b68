"""What the figures over Es/N0 share: systems and references, measured at every point."""

from collections.abc import Callable, Sequence

from tqdm import tqdm

from ..store import Item
from ..system import Recording
from ..work import Point
from .costs import costs, table
from .experiment import NOWHERE, Outcome, Setting, Size, field


def sweep(
    setting: Setting,
    measure: str,
    size: Size,
    references: Sequence[str],
    summary: Callable[[Sequence[Item]], dict[str, object]],
) -> Outcome:
    """`rows_of` the size's recordings and points."""
    return rows_of(setting, measure, setting.speech(size), setting.points(size), references, summary)


def rows_of(
    setting: Setting,
    measure: str,
    utterances: Sequence[Recording],
    points: Sequence[Point],
    references: Sequence[str],
    summary: Callable[[Sequence[Item]], dict[str, object]],
) -> Outcome:
    """A row of `summary` for every system and point, those of the references (channel none) first.

    Args:
        measure: one of `work.MEASURES`.
        summary: makes the columns of a row from its items, one an utterance, always in the same order.
    """
    items = setting.runner.measure(measure, references, utterances, [NOWHERE])
    items |= setting.runner.measure(measure, setting.systems, utterances, points)

    def row(system: str, point: Point) -> dict[str, object]:
        found = summary([items[system, point, u.key] for u in utterances])
        about = {"system": system, "label": _label(items, system, utterances), "channel": point.kind}
        about |= {"es_n0_db": f"{point.es_n0_db:g}", "utterances": len(utterances)}
        return about | {name: field(value) for name, value in found.items()}

    places = [(name, NOWHERE) for name in references]
    places += [(name, point) for name in setting.systems for point in points]
    rows = [row(*place) for place in tqdm(places, "intervals", unit="point", disable=None, delay=1)]
    spent = costs(items, setting.systems)
    return Outcome(rows, [u.key for u in utterances], spent, table(spent))


def _label(items: dict, system: str, utterances: Sequence[Recording]) -> str:
    return items[system, None, utterances[0].key].figures["label"]
