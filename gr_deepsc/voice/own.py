"""The voices of one's own: a file of one user each in the user's data folder, beside those that are shipped.

The shipped models stay as they are, so that no voice of one's own changes or hides a shipped one, nor another one's
own: a file can be copied to whoever shall hear the voice, and be deleted.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..files import Beside
from ..sums import SUMS, ContractError, digest, listed, sums_of
from .files import User, open_acoustic

FIRST = 100  # user ID of the first; those below are kept for voices that are shipped, now or later
LAST = 65535  # a burst's header has no more


def folder() -> Path:
    """$XDG_DATA_HOME/deepsc/voices; it need not be there."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(data) / "deepsc" / "voices"


def files() -> list[Path]:
    """Those of the voices, in the order of their names; none where the folder cannot be read."""
    try:
        return sorted(path for path in folder().iterdir() if path.suffix == ".onnx")
    except OSError:
        return []


def users() -> dict[Path, dict[int, User]]:
    """Whose voices the files are; nobody's where they are broken, or made for other models."""
    found: dict[Path, dict[int, User]] = {}
    for path in files():
        found[path] = {}
        with suppress(ContractError, OSError):
            found[path] = open_acoustic(path).users
    return found


def keep(user_id: int, write: Callable[[Path], object]) -> Path:
    """Have the file of user `user_id` written, and its hash into SHA256SUMS: both or, after an error, neither.

    Raises:
        FileError: the folder cannot be written.
        OSError: it cannot be made.
    """
    folder().mkdir(parents=True, exist_ok=True)
    with Beside(folder() / f"{user_id}.onnx") as beside:
        write(beside.path)
        sums = sums_of(folder() / SUMS) | {beside.path.name: digest(beside.path)}
        (beside.path.parent / SUMS).write_text(listed(sums))
    return folder() / f"{user_id}.onnx"


def remove(name: str) -> Path | None:
    """Delete the file of the user of that name, or what is called NAME.onnx; return its path, None if there is none.

    Raises:
        OSError: it cannot be deleted.
    """
    for path, here in users().items():
        if name == path.stem or name in [user.name for user in here.values()]:
            path.unlink()
            sums = sums_of(folder() / SUMS)
            if sums.pop(path.name, None):
                (folder() / SUMS).write_text(listed(sums))
            return path
    return None
