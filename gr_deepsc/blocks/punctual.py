"""A live stream that is worked on too slowly: what is left out so that the present is heard."""

import time
from collections.abc import Callable

LATE_S = 2.0  # behind the present, from which on samples are left out
# Longest time in which they are: what waited has been thrown away by then. A radio that lost samples for want of room
# has sent fewer than the clock says.
EMPTY_S = 0.25
SLOW = 3e-4  # by which a source's clock may be slower than ours


class Punctuality:
    """Compares the samples that came with the time that has passed since the promptest of them."""

    def __init__(self, sample_rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`sample_rate` in hertz."""
        self._rate, self._clock = sample_rate, clock
        self._due: float | None = None  # when the latest sample would have come, if as promptly as any before it
        self._now = clock()
        self._since: float | None = None  # when leaving out began

    def late(self, count: int) -> bool:
        """Whether these next samples are to be left out."""
        now = self._clock()
        passed, self._now = now - self._now, now
        self._due = now if self._due is None else min(now, self._due + count / self._rate + SLOW * passed)
        if self._since is None and now - self._due > LATE_S:
            self._since = now
        if self._since is None:
            return False
        if now > self._due and now - self._since < EMPTY_S:
            return True
        self._since = self._due = None
        return False
