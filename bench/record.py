"""Which figure was made with which networks: what `deepsc bench check` prints, and `all` measures again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gr_deepsc.sums import digest

from . import provenance
from .experiments.experiment import Experiment

FIGURES = provenance.HERE / "figures"  # of a checkout: the published ones


class State(NamedTuple):
    """What is known of an experiment's figures."""

    name: str
    made: str  # the day, "" where they were never made
    size: str  # quick, default or full
    revision: str
    stale: str  # why they have to be made again, "" if not


def states(folder: Path, experiments: Mapping[str, Experiment]) -> list[State]:
    """Of each of `experiments`, by NAME.json and NAME.csv in `folder`."""
    return [_state(folder, name, experiment.networks) for name, experiment in experiments.items()]


def networks(prefixes: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of the networks of this checkout whose names begin with one of `prefixes`."""
    return {name: found for name, found in provenance.models().items() if name.startswith(prefixes)}


def _state(folder: Path, name: str, prefixes: tuple[str, ...]) -> State:
    try:
        about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        state = State(name, about["made"], about["size"], about["revision"] or "", "")
        table, used = about["csv"], about["models"]
    except (OSError, ValueError, KeyError):
        return State(name, "", "", "", "never made")
    if not (folder / f"{name}.csv").is_file() or digest(folder / f"{name}.csv") != table:
        return state._replace(stale=f"{name}.csv is not the one that was measured")
    shipped = networks(prefixes)
    other = sorted(network for network in shipped.keys() | used.keys() if shipped.get(network) != used.get(network))
    return state._replace(stale=f"other than shipped: {', '.join(other)}" if other else "")


def table(found: list[State]) -> str:
    """For people: a line each."""
    rows = [("experiment", "made", "size", "revision", "state")]
    rows += [(s.name, s.made, s.size, s.revision[:12], s.stale or "current") for s in found]
    return "\n".join(
        f"{name:12} {made:10} {size:8} {revision:12} {state}" for name, made, size, revision, state in rows
    )
