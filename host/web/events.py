"""What happens, one thing after the other, for as many as want to follow."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

BREATH_S = 15.0  # of silence, after which a follower is told that all is well


class Event(NamedTuple):
    """Something that is told."""

    name: str
    data: dict[str, Any]


class Events:
    """A list of events that grows until it ends; use it in the server's thread only."""

    def __init__(self, kept: int | None = None) -> None:
        """`kept`: the latest that a follower who comes later is still told; None: all."""
        self._events: deque[Event] = deque(maxlen=kept)
        self._added = 0
        self._news = asyncio.Event()
        self.over = False

    def add(self, event: Event, last: bool = False) -> None:
        """Tell all who follow; nothing after the `last` one."""
        if self.over:
            return
        self._events.append(event)
        self._added += 1
        self.over = last
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(self, first: int = 0) -> AsyncIterator[tuple[int, Event] | None]:
        """Events from number `first` on, as they come; None now and then where none does."""
        while True:
            news = self._news
            oldest = self._added - len(self._events)
            for number in range(max(first, oldest), self._added):
                if number >= self._added - len(self._events):  # it may be gone while a slow follower is told
                    yield number, self._events[number - self._added]
                first = number + 1
            if self.over:
                return
            try:
                await asyncio.wait_for(news.wait(), BREATH_S)
            except TimeoutError:
                yield None
