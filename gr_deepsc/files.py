"""Files that are written: whole or not at all, and never over one that is read."""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path


class FileError(ValueError):
    """A file that cannot be written, or must not be. The message is one line that says what to do."""


def keep_apart(outputs: Iterable[str | Path], inputs: Iterable[str | Path | int]) -> None:
    """Refuse to write a file that is read, whatever it is called: by a link, another folder's name.

    Args:
        inputs: paths, "-" for standard input; numbers are open files.

    Raises:
        FileError: one of `outputs` is one of `inputs`.
    """
    read = {_identity(0 if each == "-" else each): each for each in inputs}
    for output in outputs:
        if (identity := _identity(output)) is not None and identity in read:
            raise FileError(f"{output} is what is read ({read[identity]}): nothing was written; give another name")


def _identity(file: str | Path | int) -> tuple[int, int] | None:
    """Device and inode; None of what is not there."""
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


class Beside:
    """A new folder in the one where files are to lie. What is written there takes its place when all of it is whole.

    In a `with`, files stay away after an error, a full disk's or Ctrl-C's, and those of the same name are as they were.

        with Beside("results/a.wav") as beside:
            write(beside.path)

    Raises:
        FileError: a file cannot be written; it names the file where it was to lie.
    """

    def __init__(self, target: str | Path) -> None:
        """`target`: one of the files; the others, if there are any, lie in the same folder."""
        target = Path(os.path.realpath(target))  # a link stays one
        self._folder = target.parent
        try:
            self._new = Path(tempfile.mkdtemp(prefix=".deepsc-", dir=self._folder))
        except OSError as error:
            raise FileError(f"cannot write {target}: {error.strerror}") from None
        self.path = self._new / target.name

    def _keep(self) -> None:
        try:
            for file in self._new.iterdir():
                os.replace(file, self._folder / file.name)
        except OSError as error:
            raise FileError(f"cannot write {error.filename2 or self._folder}: {error.strerror}") from None
        finally:
            shutil.rmtree(self._new, ignore_errors=True)

    def __enter__(self) -> "Beside":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if kind is None:
            self._keep()
            return
        shutil.rmtree(self._new, ignore_errors=True)
        if isinstance(error, OSError):
            where = str(error.filename or self.path).replace(str(self._new), str(self._folder))
            raise FileError(f"cannot write {where}: {error.strerror or error}") from None
        if isinstance(error, ValueError) and str(self._new) in str(error):
            raise FileError(str(error).replace(str(self._new), str(self._folder))) from None
