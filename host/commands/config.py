"""`deepsc config`: the configuration file shown and changed, its comments kept."""

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import settings
from ..errors import DONE, SOME_FAILED, HostError, refused

DESCRIPTION = """\
Show which options are kept in the configuration file, and where it is; change them. Options on the command
line win. The file is TOML, and may be written by hand: comments stay.

KEY is an option's name without hyphens in front: of all commands that have it, such as user-id or model; of
one command, such as send.address; or of a flowgraph, such as flowgraph.ssb_tx.ptt.
"""

EXAMPLES = """\
EXAMPLES
  deepsc config
  deepsc config set user-id 7
  deepsc config set send.device "USB Audio"
  deepsc config set flowgraph.usrp_rx.ppm 1.5
  deepsc config unset user-id
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Of `deepsc config`."""
    actions = command.add_subparsers(dest="action", metavar="ACTION")
    keep = actions.add_parser("set", help="keep an option")
    forget = actions.add_parser("unset", help="forget it")
    for sub in (keep, forget):
        sub.add_argument("key", metavar="KEY", help="such as user-id, send.address, flowgraph.ssb_tx.ptt")
    keep.add_argument("value", metavar="VALUE", help="as on the command line; true or false for an option without")


def run(args: argparse.Namespace) -> int:
    """`deepsc config`."""
    if args.action is None:
        return _show()
    import tomlkit

    kept = settings.read()  # in this way what is no TOML is said in one line
    document = tomlkit.parse(settings.path().read_text(encoding="utf-8")) if kept or settings.path().exists() else None
    document = tomlkit.document() if document is None else document
    *tables, key = args.key.split(".")
    if args.action == "set":
        value = _value(args.key, args.value)
        table: Any = document
        for name in tables:
            table = table.setdefault(name, tomlkit.table())
        table[key] = value
    else:
        table = document
        with suppress(KeyError, TypeError):
            for name in tables:
                table = table[name]
            del table[key]
            _write(tomlkit.dumps(document))
            return DONE
        raise HostError(f"{args.key} is not set in {settings.path()}")
    _write(tomlkit.dumps(document))
    return DONE


def _show() -> int:
    entries = list(_entries(settings.read()))
    print(f"{settings.path()}{'' if settings.path().exists() else ' (not there)'}")
    status, known = DONE, _all_options()
    for key, value in entries:
        print(f"  {key} = {value!r}" if isinstance(value, str) else f"  {key} = {str(value).lower()}")
        try:
            _check(key, value, known)
        except HostError as error:
            print(f"    wrong: {error}")
            status = SOME_FAILED
    return status


def _entries(table: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in table.items():
        flat += _entries(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]
    return flat


def _all_options() -> dict[str, dict[str, argparse.Action]]:
    """The options of every command by its name."""
    from ..cli import COMMANDS, parser

    commands = settings.commands(parser(*COMMANDS))
    return {name: settings.options(command) for name, command in commands.items()}


def _check(key: str, value: Any, known: dict[str, dict[str, argparse.Action]]) -> argparse.Action | None:
    """The option that `key` is, None of a flowgraph; HostError where there is none, or it does not take `value`."""
    from ..graph.programs import locate

    table, _, name = key.rpartition(".")
    if table.startswith(settings.FLOWGRAPH + "."):
        there = settings.parameters(locate(table.partition(".")[2]))
        if name not in there:
            raise HostError(f"{key} is no parameter of the flowgraph{settings.close(name, there)}")
        return None
    if table and table not in known:
        raise HostError(f"there is no command {table}{settings.close(table, known)}")
    options = known[table] if table else {each: known_of(each, known) for each in settings.SHARED}
    if name not in options:
        raise HostError(f"there is no option {key}{settings.close(name, options)}")
    settings.checked(key, options[name], value)
    return options[name]


def known_of(name: str, known: dict[str, dict[str, argparse.Action]]) -> argparse.Action:
    """A shared option, of the first command that has it."""
    return next(options[name] for options in known.values() if name in options)


def _value(key: str, text: str) -> Any:
    """`text` as the file has it: true and false, numbers where the option is one, else a text."""
    known = _all_options()
    truth = {"true": True, "false": False}
    for value in (truth.get(text), _number(text), text):
        if value is not None:
            with suppress(HostError):
                action = _check(key, value, known)
                text_wanted = action is not None and (action.type is None and action.nargs != 0)
                if not text_wanted or isinstance(value, str):
                    return value
    _check(key, text, known)
    raise AssertionError("the last value was refused before")


def _number(text: str) -> float | None:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return None


def _write(text: str) -> None:
    """Whole or not at all."""
    path = Path(os.path.realpath(settings.path()))
    with refused(OSError, what=f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
