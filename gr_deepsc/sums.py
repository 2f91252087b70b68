"""Whether model files are the ones that were shipped: SHA256SUMS."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

SUMS = "SHA256SUMS"


class ContractError(ValueError):
    """A model file whose metadata is missing, odd, or not what this package can run."""


def check_hash(path: Path) -> None:
    """Compare a file with SHA256SUMS in its folder or the one above; where neither lists it, nothing is known.

    Raises:
        ContractError: its bytes are others.
    """
    for folder in path.parents[:2]:
        sums, name = folder / SUMS, path.relative_to(folder).as_posix()
        if (wanted := sums_of(sums).get(name)) is not None:
            now = path.stat()
            if _digest(path, (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)) != wanted:
                raise ContractError(f"{path} is not the file that {sums} describes: install it again")
            return


def sums_of(path: Path) -> dict[str, str]:
    """SHA-256 of each file that a SHA256SUMS lists, by its name there; nothing where there is none."""
    if not path.is_file():
        return {}
    rows = (line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {name.lstrip("*"): found for found, name in rows}


def listed(sums: Mapping[str, str]) -> str:
    """What a SHA256SUMS has in it: the reverse of `sums_of`."""
    return "".join(f"{found}  {name}\n" for name, found in sums.items())


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(64)
def _digest(path: Path, identity: tuple[int, ...]) -> str:
    """Once for each change of a file: its `identity` has its size and times. 100 MB take a fifth of a second."""
    return digest(path)
