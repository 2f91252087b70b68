"""One line of the terminal that is written over while things go on: a level, a text that grows."""

import shutil
import sys

from tqdm import tqdm

from ..errors import printable

LOWEST_DB = -60.0  # dBFS at which the level's bar is empty
BAR = 12  # characters


class Status:
    """The line, on stderr where a person sees it; `report.say` and what uses it write above it."""

    def __init__(self) -> None:
        self._line = tqdm(bar_format="{desc}", leave=False, disable=not sys.stderr.isatty())

    def __call__(self, text: str) -> None:
        """Write it over; of a text that is too long its end, the newest."""
        room, text = shutil.get_terminal_size().columns - 1, printable(text)
        self._line.set_description_str(text if len(text) <= room else "…" + text[1 - room :])

    def close(self) -> None:
        """Take the line away."""
        self._line.close()


def meter(level_db: float) -> str:
    """A level in dBFS as a bar and a number.

    >>> meter(-30.0)
    '[######      ] -30 dBFS'
    """
    share = min(max(1 - level_db / LOWEST_DB, 0.0), 1.0)
    return f"[{'#' * round(BAR * share):{BAR}}] {max(level_db, 2 * LOWEST_DB):.0f} dBFS"
