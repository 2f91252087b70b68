"""The runner: what is missing is spread over cores or machines, and kept as it comes."""

import concurrent.futures
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from . import provenance, work
from .corpus import digest
from .errors import BenchError
from .store import Item, Store
from .system import Recording
from .work import Job, Point

IN_FLIGHT = 64  # tasks that have been handed out: enough for many machines, and little to lose
CONNECT_S = 20.0  # patience with a scheduler


class Task(NamedTuple):
    """A piece of work: `function(argument)` gives an item for each of `keys`, in their order."""

    function: Callable[[Any], Sequence[Item]]
    argument: Any
    keys: tuple[str, ...]
    name: str  # for a message


@contextmanager
def executor(cores: int, scheduler: str | None) -> Iterator[concurrent.futures.Executor]:
    """Processes of this machine, or the workers of a dask.distributed scheduler at an address.

    Raises:
        BenchError: no scheduler answers, or it has no workers.
    """
    if scheduler is None:
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(cores, spawn, _leave_to_parent) as pool:
            yield pool
        return
    from distributed import Client

    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise BenchError(f"no dask scheduler at {scheduler}: {error}; start one by `dask scheduler`") from None
    with client:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise BenchError(f"the scheduler at {scheduler} has no workers: start some by `dask worker {scheduler}`")
        yield client.get_executor(pure=False)


def _leave_to_parent() -> None:
    """Ctrl-C, which a terminal sends to all processes, is for the parent; programs that a worker starts heed it."""
    signal.signal(signal.SIGINT, lambda number, frame: None)


class Runner:
    """Measures what `store` does not hold."""

    def __init__(self, store: Store, pool: concurrent.futures.Executor, seed: int) -> None:
        self.seed = seed
        self._store, self._pool = store, pool

    def measure(
        self, measure: str, systems: Iterable[str], utterances: Sequence[Recording], points: Sequence[Point]
    ) -> dict[tuple[str, Point | None, str], Item]:
        """Items by system, point and utterance key; point None is what sending gave.

        Args:
            measure: one of `work.MEASURES`, which says what figures an item has.
        """
        digests = {u.key: digest(u) for u in utterances}
        keys = {
            (name, point, u.key): self.key(measure if point else "sent", name, u.key, digests[u.key], point)
            for name in systems
            for u in utterances
            for point in (None, *points)
        }
        there = self._store.get(keys.values())
        tasks = []
        for u in utterances:  # all systems' of one recording in a row: a worker keeps what was read
            for name in systems:
                missing = tuple(p for p in points if keys[name, p, u.key] not in there)
                if missing or keys[name, None, u.key] not in there:
                    names = tuple(keys[name, p, u.key] for p in (None, *missing))
                    job = Job(name, u, missing, measure, self.seed)
                    tasks.append(Task(_job, job, names, f"{name}, {u.key}"))
        there |= self.do(tasks, f"{measure}, {len(keys)} items, {len(there)} already there")
        return {name: there[key] for name, key in keys.items()}

    def key(self, *parts: Any) -> str:
        """An item's name in the store: the chain that made it, the seed, and `parts`."""
        return json.dumps([provenance.chain(), self.seed, *parts])

    def do(self, tasks: Sequence[Task], title: str) -> dict[str, Item]:
        """Run all tasks; every item is in the store as soon as its task is done.

        Raises:
            BenchError: a task failed, or a worker has other models or code than this process.
        """
        done: dict[str, Item] = {}
        total, source, running = sum(len(task.keys) for task in tasks), iter(tasks), {}
        with tqdm(total=total, desc=title, unit="item", dynamic_ncols=True, disable=None) as bar:
            try:
                while True:
                    for task in islice(source, IN_FLIGHT - len(running)):
                        running[self._pool.submit(_run, task.function, task.argument)] = task
                    if not running:
                        return done
                    finished, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                    for future in finished:
                        task = running.pop(future)
                        found = dict(zip(task.keys, self._result(task, future), strict=True))
                        self._store.put(found)
                        done |= found
                        bar.update(len(found))
            finally:
                for future in running:  # after an error or Ctrl-C
                    future.cancel()

    def _result(self, task: Task, future: concurrent.futures.Future) -> Sequence[Item]:
        try:
            chain, items = future.result()
        except BenchError as error:
            raise BenchError(f"{task.name}: {error}") from None
        except Exception as error:  # whatever else a system or a worker may raise ends the run, by name
            raise BenchError(f"{task.name}: {type(error).__name__}: {error}") from error
        if chain != provenance.chain():
            raise BenchError("a worker has other models or code than this machine: install the same revision")
        return items


def _run(function: Callable[[Any], Sequence[Item]], argument: Any) -> tuple[str, Sequence[Item]]:
    """In a worker: one thread, whatever the libraries would like."""
    with threadpool_limits(1):
        return provenance.chain(), function(argument)


def _job(job: Job) -> list[Item]:
    sending, items = work.do(job)
    return [sending, *items]
