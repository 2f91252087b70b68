"""What a GPU is fed with, made by other processes ahead of its use."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

Job = TypeVar("Job")
Made = TypeVar("Made")
MANY = 100  # jobs a process: for fewer it is not worth its start


def cores_for(jobs: Sequence) -> int:
    """Processes that so many short jobs are worth; 0 if they are few."""
    return min(os.cpu_count() or 1, len(jobs) // MANY)


def made(make: Callable[[Job], Made], jobs: Sequence[Job], processes: int) -> Iterable[Made]:
    """`make(job)` of every job, in order, by so many processes; by the caller itself if there are 0."""
    if not processes:
        return map(make, jobs)
    return _loader(_Made(make, jobs), processes)


def streamed(stream: Callable[[int], Iterator[Made]], processes: int) -> Iterator[Made]:
    """What the endless `stream(number)` of each of so many processes yields, in turn; that of `stream(0)` if 0."""
    return iter(_loader(_Streams(stream), processes)) if processes else stream(0)


def _loader(dataset: Dataset, processes: int) -> DataLoader:
    # forked, so that memory-mapped files are shared, not copied
    same = dict(batch_size=None, collate_fn=_unchanged, multiprocessing_context="fork")
    return DataLoader(dataset, num_workers=processes, **same)


def _unchanged(x: Made) -> Made:
    return x


class _Made(Dataset, Generic[Job, Made]):
    def __init__(self, make: Callable[[Job], Made], jobs: Sequence[Job]):
        self._make, self._jobs = make, jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def __getitem__(self, i: int) -> Made:
        return self._make(self._jobs[i])


class _Streams(IterableDataset, Generic[Made]):
    def __init__(self, stream: Callable[[int], Iterator[Made]]):
        self._stream = stream

    def __iter__(self) -> Iterator[Made]:
        return self._stream(get_worker_info().id)
