"""What a person sees while files are worked on: a bar, and results above it."""

import sys
from typing import TextIO

from tqdm import tqdm


def progress(files: list[str]) -> tqdm:
    """The files, with a progress bar where a person sees stderr and there is more than one."""
    return tqdm(files, unit="file", dynamic_ncols=True, disable=len(files) < 2 or not sys.stderr.isatty())


def say(text: str, stream: TextIO, end: str = "\n") -> None:
    """Print at once, above the bar."""
    tqdm.write(text, file=stream, end=end)
    stream.flush()
