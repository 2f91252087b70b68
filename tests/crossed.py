"""Which of the project's files one utterance of `deepsc simulate` crosses: `python tests/crossed.py RECORDING`.

A file counts when a function of it runs, at whatever depth and in whatever thread; what only runs because the file is
imported (its top level, the bodies of its classes) does not. docs/architecture.md tells the way in words.
"""

import inspect
import sys
import threading
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
MOST = 25  # files: more than this nobody keeps in mind


def crossed(argv: list[str]) -> dict[Path, list[str]]:
    """Functions that ran in `deepsc argv`, by their file below the project's root, both in the order of first entry."""
    from deepsc_host import cli

    entered: dict[object, None] = {}  # code objects; a dictionary keeps their order

    def enter(frame: FrameType, event: str, argument: object) -> None:
        entered[frame.f_code] = None

    threading.settrace(enter)
    sys.settrace(enter)
    try:
        status = cli.main(argv)
    finally:
        sys.settrace(None)
        threading.settrace(None)
    if status:
        raise SystemExit(status)
    files: dict[Path, list[str]] = {}
    for code in entered:
        path = Path(code.co_filename)
        if path.is_relative_to(ROOT) and ".venv" not in path.parts and code.co_flags & inspect.CO_OPTIMIZED:
            files.setdefault(path.relative_to(ROOT), []).append(code.co_qualname)
    return files


if __name__ == "__main__":
    files = crossed(["simulate", *sys.argv[1:]])
    for path, functions in files.items():
        print(f"{path}: {', '.join(functions)}")
    print(f"{len(files)} files, {sum(map(len, files.values()))} functions")
    sys.exit(len(files) > MOST)
