"""One run after the other, in a thread of its own, and what happens in them as events that many may follow."""

import asyncio
import queue
import secrets
import shutil
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from gr_deepsc.radio.iqfile import IqFileError
from gr_deepsc.speech.audio import AudioError

from ..errors import HostError
from ..show.report import complain
from .events import Event, Events
from .recordings import Source
from .stages import Stages, StoppedError
from .wish import Wish

WAITING = 8  # runs that may wait for the one that runs
KEPT = 16  # runs whose events and files are kept: the oldest go first


class BusyError(Exception):
    """More runs wait than may."""


class Run:
    """A run, from when it is asked for. It is over with the event done, failed or stopped."""

    def __init__(self, wish: Wish, source: Source, folder: Path) -> None:
        self.id = secrets.token_urlsafe(9)
        self.wish, self.source, self.folder = wish, source, folder / self.id
        self.files: dict[str, Path] = {}
        self.stop = threading.Event()
        self.events = Events()

    def add(self, event: Event) -> None:
        """In the server's thread."""
        self.events.add(event, last=event.name in ("done", "failed", "stopped"))


class Runs:
    """All runs; use `start` and `close` in the server's event loop."""

    def __init__(self, folder: Path, voices: str = "") -> None:
        """`folder`: for the runs' files, there already; `voices`: as of `Speaker`."""
        self._folder, self._voices = folder, voices
        self._runs = OrderedDict[str, Run]()
        self._queue: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="runs", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self) -> None:
        """Stop all runs; from any thread. Who follows one is told."""
        for run in list(self._runs.values()):
            run.stop.set()
            self._tell(run, "stopped")
        self._queue.put(None)

    def join(self) -> None:
        """Wait until nothing runs any more."""
        self._thread.join()

    def __getitem__(self, id: str) -> Run:
        """Raises KeyError where there is none, or none any more."""
        return self._runs[id]

    def ask(self, wish: Wish, source: Source) -> Run:
        """A new run.

        Raises:
            BusyError: too many wait.
        """
        ahead = sum(not run.events.over for run in self._runs.values())
        if ahead > WAITING:
            raise BusyError(f"{ahead} runs are under way or waiting: try again in a moment")
        run = Run(wish, source, self._folder)
        run.folder.mkdir()
        run.add(Event("queued", {"ahead": ahead}))
        self._runs[run.id] = run
        while len(self._runs) > KEPT:
            old = next(run for run in self._runs.values() if run.events.over)
            shutil.rmtree(self._runs.pop(old.id).folder, ignore_errors=True)
        self._queue.put(run)
        return run

    def _tell(self, run: Run, name: str, **data: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(run.add, Event(name, data))

    def _work(self) -> None:
        while (run := self._queue.get()) is not None:
            self._perform(run)

    def _perform(self, run: Run) -> None:
        def tell(name: str, **data: Any) -> None:
            if run.stop.is_set():
                raise StoppedError
            self._tell(run, name, **data)

        stages = Stages(run.wish, run.source, run.folder, tell, self._voices)
        run.files = stages.files
        try:
            stages()
        except StoppedError:
            self._tell(run, "stopped")
        except (AudioError, IqFileError) as error:
            self._tell(run, "failed", error=str(error), error_type=error.error_type)
        except HostError as error:
            self._tell(run, "failed", error=str(error), error_type="setup")
        except Exception as error:  # a fault of ours must end neither the thread nor the page
            complain(f"a run failed: {type(error).__name__}: {error}")
            told = f"this should not have happened: {type(error).__name__}: {error}"
            self._tell(run, "failed", error=told, error_type="internal")
