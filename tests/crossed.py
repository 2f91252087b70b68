"""Which of the project's files one utterance of `deepsc simulate` crosses: `python tests/crossed.py RECORDING`.

A file counts when a function of it runs, at whatever depth and in whatever of Python's threads; what only runs because
the file is imported (its top level, the bodies of its classes) does not. docs/architecture.md tells the way in words.
"""

import inspect
import sys
import threading
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

from deepsc_host import cli

ROOT = Path(__file__).resolve().parent.parent


def crossed(*arguments: str) -> dict[str, list[str]]:
    """Functions that run in `deepsc simulate ARGUMENTS`, by their file below `ROOT`, in the order of first entry."""
    entered: dict[CodeType, None] = {}

    def enter(frame: FrameType, event: str, argument: object) -> None:
        entered[frame.f_code] = None

    threading.settrace(enter)
    sys.settrace(enter)
    try:
        cli.main(["simulate", *arguments])
    finally:
        sys.settrace(None)
        threading.settrace(None)
    files: dict[str, list[str]] = {}
    for code in entered:
        path = Path(code.co_filename)
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # modules and classes are none
        if is_function and path.is_relative_to(ROOT) and ".venv" not in path.parts and path != Path(__file__):
            files.setdefault(str(path.relative_to(ROOT)), []).append(code.co_qualname)
    return files


if __name__ == "__main__":
    files = crossed(*sys.argv[1:])
    for path, functions in files.items():
        print(f"{path}: {', '.join(functions)}")
    rooms = Counter(str(Path(path).parent) for path in files)
    print(f"{len(files)} files, {sum(map(len, files.values()))} functions")
    print(", ".join(f"{room} {count}" for room, count in rooms.items()))
