"""Exit statuses, and the error that ends a command with one line on stderr."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

DONE = 0
SOME_FAILED = 1  # a recording or an utterance failed, the others were still done
SETUP_FAILED = 2  # nothing could be done at all; argparse's own status for bad options


class HostError(Exception):
    """Nothing could be done at all. The message is one line that says what to do about it."""


@contextmanager
def refused(*errors: type[Exception], what: str = "") -> Iterator[None]:
    """Where one of these `errors` is raised within, a HostError of its message, `what` before it."""
    try:
        yield
    except errors as error:
        raise HostError(f"{what}: {error}" if what else str(error)) from None


def loading(what: str) -> AbstractContextManager[None]:
    """Within this context `what` is loaded from files of models."""
    return refused(OSError, ValueError, RuntimeError, what=f"cannot load {what}")


def printable(text: str) -> str:
    """What another program sent, or a file's name, without what would make a terminal do something."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
