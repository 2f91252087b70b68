"""Finished items on disk: an experiment that was stopped goes on from them."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

BUSY = 60.0  # s to wait for another experiment that writes into the same file


class Item(NamedTuple):
    """What was measured, and the CPU seconds that it took."""

    figures: dict
    seconds: float


class Store:
    """A table from keys to items; what is put in is on disk when `put` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(path, timeout=BUSY)
        with self._base:
            self._base.execute("CREATE TABLE IF NOT EXISTS items (key TEXT PRIMARY KEY, figures TEXT, seconds REAL)")

    def get(self, keys: Iterable[str]) -> dict[str, Item]:
        """Those of `keys` that are there."""
        found = {}
        for key in keys:
            row = self._base.execute("SELECT figures, seconds FROM items WHERE key = ?", (key,)).fetchone()
            if row:
                found[key] = Item(json.loads(row[0]), row[1])
        return found

    def put(self, items: dict[str, Item]) -> None:
        """Keep `items`, all or none of them."""
        rows = [(key, json.dumps(item.figures), item.seconds) for key, item in items.items()]
        with self._base:
            self._base.executemany("INSERT OR REPLACE INTO items VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Give up the file; all that was put in is on disk already."""
        self._base.close()
