"""The options that every training has, and the plan that they make."""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from .optimisation import half_cosine
from .run import Plan, Span

WORK = Path("work")  # where runs are kept, unless told otherwise


def add_options(parser: argparse.ArgumentParser, out: Path | str, budget: Span, lr: float) -> None:
    """Adds --out, the budget (--minutes, --hours or --steps), --lr, --seed, --device and --threads.

    Args:
        out: default folder of the run, or what says how it is chosen: then the default is None.
        budget: the default, which also names the option.
        lr: default peak learning rate.
    """
    amount, unit = budget
    kind = {"minutes": "of training", "hours": "of speech, repeats counted,", "steps": "batches"}[unit]
    default = out if isinstance(out, Path) else None
    parser.set_defaults(unit=unit)
    parser.add_argument("--out", type=Path, default=default, help=f"folder of the run (default: {out})")
    parser.add_argument(
        f"--{unit}",
        type=int if unit == "steps" else float,
        default=amount,
        help=f"{kind} in all, earlier sessions included (default: {amount:g})",
    )
    parser.add_argument("--lr", type=float, default=lr, help=f"peak learning rate (default: {lr:g})")
    parser.add_argument("--seed", type=int, default=0)
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Adds --device and --threads."""
    parser.add_argument("--device", help="of torch: cpu, cuda, ... (default: cuda if there is one)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: one a core)")


def add_minutes(parser: argparse.ArgumentParser) -> None:
    """Adds --minutes, a budget in place of that which `add_options` named, and --save-every."""
    parser.add_argument("--minutes", type=float, help="of training in all, whatever was heard in them")
    parser.add_argument("--save-every", type=float, default=5.0, metavar="M", help="minutes (default: 5)")


def budget(args: argparse.Namespace) -> Span:
    """What the options allow: --minutes if it was given."""
    unit = "minutes" if getattr(args, "minutes", None) else args.unit
    return getattr(args, unit), unit


def use(args: argparse.Namespace) -> None:
    """Sets torch's threads."""
    if args.threads:
        torch.set_num_threads(args.threads)


def plan(
    args: argparse.Namespace,
    rise: Span = (0.0, "steps"),
    fall: Callable[[float], float] = half_cosine,
    save_every: Span = (5.0, "minutes"),
    out: Path | None = None,
) -> Plan:
    """The plan that the options say; `out` is the folder if they name none. Seeds torch and sets its threads."""
    use(args)
    torch.manual_seed(args.seed)
    return Plan(args.out or out, budget(args), rise, fall, save_every, args.seed, args.device)
