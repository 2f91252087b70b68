"""Results in the order in which they were published, each once, whatever was missed meanwhile."""

import time
from collections.abc import Callable

from gr_deepsc.link.protocol import Message

PATIENCE_S = 1.0  # with what was asked for again


class Order:
    """Takes messages as they come and gives them in order; what is missing is asked for, and waited for a while.

    Attributes:
        lost: results that nobody has any more.
    """

    def __init__(self, ask: Callable[[str, int], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`ask`: told a publisher, and the number behind which it is to send all again."""
        self._ask, self._clock = ask, clock
        self._publisher, self._last = "", 0  # of the latest message that was given
        self._waiting: dict[int, Message] = {}
        self._until = 0.0  # that is waited for what is missing; 0: nothing is
        self.lost = 0

    def again(self) -> None:
        """The connection is back: ask for what was published meanwhile."""
        if self._publisher:
            self._ask(self._publisher, self._last)

    def take(self, message: Message) -> list[Message]:
        """A message that came; those that can be given now."""
        if not message.number:  # of a publisher that does not count
            return [message]
        if message.publisher != self._publisher:
            given = self._give_up()
            known, self._publisher = bool(self._publisher), message.publisher
            # of the first flowgraph what came before is not missed; of one that was started again it is
            self._last = 0 if known else message.number - 1
            return given + self._sort(message)
        return self._sort(message)

    def overdue(self) -> list[Message]:
        """What can be given because what is missing before it will not come any more; call it now and then."""
        if not self._until or self._clock() < self._until:
            return []
        return self._give_up()

    def _sort(self, message: Message) -> list[Message]:
        if message.number > self._last:
            self._waiting[message.number] = message
        given = self._next()
        if self._waiting and not self._until:
            self._until = self._clock() + PATIENCE_S
            self._ask(self._publisher, self._last)
        return given

    def _next(self) -> list[Message]:
        given = []
        while self._last + 1 in self._waiting:
            self._last += 1
            given.append(self._waiting.pop(self._last))
        if not self._waiting:
            self._until = 0.0
        return given

    def _give_up(self) -> list[Message]:
        """All that waits, in order; what is missing in between is lost."""
        given: list[Message] = []
        while self._waiting:
            first = min(self._waiting)
            self.lost += first - self._last - 1
            self._last = first - 1
            given += self._next()
        self._until = 0.0
        return given
