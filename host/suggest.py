"""What somebody meant who misspelt a command, an option or a choice."""

import argparse
import difflib
import re
from collections.abc import Iterable, Iterator


def close(word: str, known: Iterable[str]) -> str:
    """The next of the `known` words, as the end of a sentence; "" where none is near.

    >>> close("simulat", ["send", "simulate"])
    ': did you mean simulate?'
    """
    near = difflib.get_close_matches(word, list(known), 1)
    return f": did you mean {near[0]}?" if near else ""


def suggestion(parser: argparse.ArgumentParser, message: str) -> str:
    """The same for a message of argparse's, which names all choices, and for an unknown option none."""
    if choice := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
        return close(choice[1], re.findall(r"[^\s',]+", choice[2]))
    if unknown := re.search(r"unrecognized arguments: (--[^\s=]+)", message):
        return close(unknown[1], {name for each in parsers(parser) for name in each._option_string_actions})
    return ""


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """It and those of its commands, and of theirs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from parsers(each)
