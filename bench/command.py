"""`deepsc bench`: runs an experiment, or all that are stale, and writes NAME.csv, .png, .json and NAME-costs.csv."""

import argparse
import csv
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from gr_deepsc.sums import digest

from . import provenance, record
from .errors import BenchError
from .experiments import EXPERIMENTS
from .experiments.experiment import Outcome, Setting
from .plot import CHANNELS
from .run import Runner, executor
from .store import Store
from .systems import SYSTEMS

ALL, CHECK = "all", "check"
WORK = "work/bench"
SHOWN = 40  # rows that a person may want to read at once
ITEMS = "items.sqlite"  # in the output folder: all experiments there share what they measured


def run(args: argparse.Namespace) -> bool:
    """Run `args.name`; the options are those of `deepsc bench`.

    Returns:
        False if `all` left something undone, or `check` found something stale.

    Raises:
        BenchError: the experiment cannot be run, or failed; what was measured before is kept, as after Ctrl-C.
    """
    if args.list or not args.name:
        print(listing())
        return True
    if args.name == CHECK:
        found = record.states(Path(args.out or record.FIGURES), EXPERIMENTS)
        print(record.table(found))
        return not any(state.stale for state in found)
    if args.name != ALL and args.name not in EXPERIMENTS:
        raise BenchError(f"no experiment {args.name}: there are {', '.join(EXPERIMENTS)}, {ALL} and {CHECK}")
    out = _folder(Path(args.out or WORK))
    store = Store(out / ITEMS)
    try:
        with executor(args.jobs, args.scheduler) as pool, threadpool_limits(1):  # sums in one order
            runner = Runner(store, pool, args.seed)
            if args.name == ALL:
                return _all(args, runner, out)
            _one(args, args.name, runner, out)
    except KeyboardInterrupt:
        print("deepsc: stopped; the same command goes on from there", file=sys.stderr)
        raise
    finally:
        store.close()
    return True


def _all(args: argparse.Namespace, runner: Runner, out: Path) -> bool:
    """What is stale in `out`, one after the other; what cannot be run is told, and the others go on."""
    done = True
    for state in record.states(out, EXPERIMENTS):
        if not state.stale:
            print(f"== {state.name}: current", flush=True)
            continue
        print(f"== {state.name}: {state.stale}", flush=True)
        try:
            _one(args, state.name, runner, out)
        except BenchError as error:
            print(f"deepsc: {state.name}: {error}", file=sys.stderr)
            done = False
    return done


def _one(args: argparse.Namespace, name: str, runner: Runner, out: Path) -> None:
    """Measure, write and draw one experiment."""
    experiment, start, made_by = EXPERIMENTS[name], time.time(), provenance.describe()
    setting = Setting(
        runner,
        out,
        args.size,
        _chosen("system", args.systems or experiment.systems, SYSTEMS),
        _chosen("channel", args.channels, CHANNELS),
        tuple(map(Path, args.corpus)),
        args.utterances,
        tuple(args.snr),
    )
    outcome = experiment.run(setting)
    path = out / f"{name}.csv"
    write_csv(path, outcome.rows)
    if outcome.costs:
        write_csv(out / f"{name}-costs.csv", outcome.costs)
    if experiment.draw:
        experiment.draw(outcome.rows, path.with_suffix(".png"))
    about = {"experiment": name, "title": experiment.title} | _about(args, outcome, time.time() - start)
    about |= made_by | {"models": record.networks(experiment.networks), "csv": digest(path)}
    path.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    shown = path.read_text(encoding="utf-8").strip() if len(outcome.rows) <= SHOWN else ""
    print("\n\n".join(part for part in (shown, outcome.summary) if part))
    print(f"\n{path}" + (f", {path.with_suffix('.png').name}" if experiment.draw else ""), flush=True)


def listing() -> str:
    """Names and titles of the experiments, and the systems."""
    lines = [f"{name:12} {experiment.title}" for name, experiment in EXPERIMENTS.items()]
    lines += [f"{ALL:12} each of them that is stale", f"{CHECK:12} which are, of the published figures"]
    return "\n".join([*lines, "", f"systems: {', '.join(SYSTEMS)}"])


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    """Rows of one experiment, all with the same columns."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _about(args: argparse.Namespace, outcome: Outcome, seconds: float) -> dict:
    return {
        "made": time.strftime("%Y-%m-%d"),
        "seed": args.seed,
        "size": args.size,
        "jobs": args.jobs,
        "scheduler": args.scheduler,
        "wall_s": round(seconds, 1),  # of this run: what an earlier one measured is not measured again
        "utterances": outcome.utterances,
    }


def _chosen(noun: str, wanted: Sequence[str], known: dict) -> tuple[str, ...]:
    for name in wanted:
        if name not in known:
            raise BenchError(f"no {noun} {name}: there are {', '.join(known)}")
    return tuple(wanted or known)


def _folder(out: Path) -> Path:
    """Made if it is not there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"cannot make the folder {out}: {error.strerror}") from None
    return out
