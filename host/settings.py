"""The configuration file: options that nobody wants to type each time. What the command line says wins.

user-id = 7                  # of every command that has the option; only `SHARED` may stand here
[send]                       # of one command
device = "USB Audio"
[flowgraph.ssb_tx]           # of one flowgraph, as behind `deepsc flowgraph run ssb_tx --`
ptt = "rigctld:localhost:4532"
"""

import argparse
import os
from pathlib import Path
from typing import Any

from .errors import HostError
from .suggest import close

# Options that mean the same in every command. Not among them: addresses and devices, of which `send` and `receive`
# have different ones, and what belongs to a single call.
SHARED = (
    "model", "rate", "target-snr", "reader", "preamble", "decoder", "profile", "symbol-rate", "user-id", "voices",
    "curve-key",
)  # fmt: skip
FLOWGRAPH = "flowgraph"


def path() -> Path:
    """Where the file is, or would be."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "deepsc" / "config.toml"


def read() -> dict[str, Any]:
    """What is in the file; nothing where there is none.

    Raises:
        HostError: it cannot be read, or is no TOML.
    """
    try:
        text = path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"cannot read {path()}: {error}") from None
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HostError(f"{path()} is no TOML: {error}; correct it, or remove it") from None


def apply(top: argparse.ArgumentParser, name: str) -> None:
    """Make what the file says the defaults of the command `name`.

    Raises:
        HostError: a key that there is not, or a value that the option does not take.
    """
    if name in ("config", "doctor", "completion"):  # which are to work whatever is in the file
        return
    data = read()
    known = commands(top)
    for key, value in data.items():
        if isinstance(value, dict) and key not in known:
            raise _wrong(f"[{key}]", f"is no command{close(key, known)}")
        if not isinstance(value, dict) and key not in SHARED:
            raise _wrong(key, f"is none of {', '.join(SHARED)}{close(key, SHARED)}")
    if name == FLOWGRAPH:
        return
    there = options(known[name])
    wanted = {key: value for key, value in data.items() if key in SHARED and key in there}
    for key, value in (wanted | data.get(name, {})).items():
        where = key if key in wanted and key not in data.get(name, {}) else f"{name}.{key}"
        if key not in there:
            raise _wrong(where, f"is no option of `deepsc {name}`{close(key, there)}")
        there[key].default = checked(where, there[key], value)
        there[key].required = False


def of_flowgraph(graph: Path) -> list[str]:
    """The options of a flowgraph's table, as they stand on a command line.

    Raises:
        HostError: the flowgraph has no such parameter.
    """
    table = read().get(FLOWGRAPH, {}).get(graph.stem, {})
    if not isinstance(table, dict):
        raise _wrong(f"{FLOWGRAPH}.{graph.stem}", "must be a table, of options of the flowgraph")
    there = parameters(graph) if table else []
    for key in table:
        if key not in there:
            raise _wrong(f"{FLOWGRAPH}.{graph.stem}.{key}", f"is no parameter of the flowgraph{close(key, there)}")
    return [f"--{key}={value}" for key, value in table.items()]


def parameters(graph: Path) -> list[str]:
    """The parameters of a .grc file, as options are written."""
    import yaml  # of the distribution's GNU Radio

    blocks = yaml.safe_load(graph.read_text(encoding="utf-8")).get("blocks") or []
    return [block["name"].replace("_", "-") for block in blocks if block["id"] == "parameter"]


def commands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the commands by their names."""
    return next(dict(each.choices) for each in top._actions if isinstance(each, argparse._SubParsersAction))


def options(command: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """A command's options by their long names, without the hyphens in front."""
    named = command._option_string_actions.items()
    return {name[2:]: action for name, action in named if name.startswith("--") and name != "--help"}


def checked(where: str, action: argparse.Action, value: Any) -> Any:
    """`value` as the option would have it from the command line.

    Raises:
        HostError: the option does not take it.
    """
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise _wrong(where, f"is {value!r}: it must be true or false")
        return value
    if isinstance(value, bool | dict):
        raise _wrong(where, f"is {value!r}: it must be a text or a number")
    if isinstance(value, list):
        if action.nargs not in ("*", "+"):
            raise _wrong(where, "is a list: it must be one value")
        return [_converted(where, action, each) for each in value]
    return _converted(where, action, value)


def _converted(where: str, action: argparse.Action, value: Any) -> Any:
    converted: Any = str(value)
    if callable(action.type):
        try:
            converted = action.type(converted)
        except (argparse.ArgumentTypeError, ValueError) as error:
            raise _wrong(where, f"is wrong: {error}") from None
    if action.choices is not None and converted not in action.choices:
        choices = list(map(str, action.choices))
        raise _wrong(where, f"is {value!r}, which is none of {', '.join(choices)}{close(str(value), choices)}")
    return converted


def _wrong(where: str, what: str) -> HostError:
    return HostError(f"{path()}: {where} {what}" + ("" if what.endswith("?") else "; `deepsc config` shows all"))
