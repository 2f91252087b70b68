"""`deepsc bench NAME`: runs an experiment and writes NAME.csv, NAME.png, NAME.json and NAME-costs.csv."""

import argparse
import csv
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from . import provenance
from .errors import BenchError
from .experiments import EXPERIMENTS
from .experiments.experiment import Outcome, Setting
from .plot import CHANNELS
from .run import Runner, executor
from .store import Store
from .systems import SYSTEMS

SHOWN = 40  # rows that a person may want to read at once
ITEMS = "items.sqlite"  # in the output folder: all experiments there share what they measured


def run(args: argparse.Namespace) -> None:
    """Run `args.name`; the options are those of `deepsc bench`.

    Raises:
        BenchError: the experiment cannot be run, or failed; what was measured before is kept, as after Ctrl-C.
    """
    if args.list or not args.name:
        print(listing())
        return
    experiment = EXPERIMENTS.get(args.name)
    if experiment is None:
        raise BenchError(f"no experiment {args.name}: there are {', '.join(EXPERIMENTS)}")
    out, start, made_by = Path(args.out), time.time(), provenance.describe()
    store = Store(_folder(out) / ITEMS)
    try:
        with executor(args.jobs, args.scheduler) as pool, threadpool_limits(1):  # sums in one order
            setting = Setting(
                Runner(store, pool, args.seed),
                out,
                args.size,
                _chosen("system", args.systems or experiment.systems, SYSTEMS),
                _chosen("channel", args.channels, CHANNELS),
                tuple(map(Path, args.corpus)),
                args.utterances,
                tuple(args.snr),
            )
            outcome = experiment.run(setting)
    except KeyboardInterrupt:
        print("deepsc: stopped; the same command goes on from there", file=sys.stderr)
        raise
    finally:
        store.close()
    path = out / f"{args.name}.csv"
    write_csv(path, outcome.rows)
    if outcome.costs:
        write_csv(out / f"{args.name}-costs.csv", outcome.costs)
    if experiment.draw:
        experiment.draw(outcome.rows, path.with_suffix(".png"))
    about = _about(args, experiment.title, outcome, time.time() - start) | made_by
    path.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    table = path.read_text(encoding="utf-8").strip() if len(outcome.rows) <= SHOWN else ""
    print("\n\n".join(part for part in (table, outcome.summary) if part))
    print(f"\n{path}" + (f", {path.with_suffix('.png').name}" if experiment.draw else ""))


def listing() -> str:
    """Names and titles of the experiments, and the systems."""
    lines = [f"{name:12} {experiment.title}" for name, experiment in EXPERIMENTS.items()]
    return "\n".join([*lines, "", f"systems: {', '.join(SYSTEMS)}"])


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    """Rows of one experiment, all with the same columns."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _about(args: argparse.Namespace, title: str, outcome: Outcome, seconds: float) -> dict:
    chosen = {
        "seed": args.seed,
        "size": args.size,
        "jobs": args.jobs,
        "scheduler": args.scheduler,
        "wall_s": round(seconds, 1),  # of this run: what an earlier one measured is not measured again
        "utterances": outcome.utterances,
    }
    return {"experiment": args.name, "title": title} | chosen


def _chosen(noun: str, wanted: Sequence[str], known: dict) -> tuple[str, ...]:
    for name in wanted:
        if name not in known:
            raise BenchError(f"no {noun} {name}: there are {', '.join(known)}")
    return tuple(wanted or known)


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"cannot make the folder {out}: {error.strerror}") from None
    return out
