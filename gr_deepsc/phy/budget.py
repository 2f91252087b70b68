"""How much work a stream may make: hostile or not, a second of samples costs a receiver a bounded time.

Work is counted in units of about a microsecond of one core of a desktop of 2020, by what is done and not by the clock,
so that what a receiver does depends on the stream alone. Each second of samples earns `EARNED` units; what is not spent
is kept up to `MOST` (a token bucket). That is 0.44 of a core on average, beside the detector's own work.
"""

from .pulse import SAMPLES_PER_SYMBOL

EARNED = 440_000.0  # units a second
MOST = 800_000.0  # units: what 1.8 s earn
# Work that finds a header seldom, of what may be no burst or only in echoes and fades, has to leave that much, so that
# a stream full of preambles takes nothing from bursts which are read at the first glance.
SPARE = 0.5 * MOST

NARROW, WIDE = 5_000, 6_000  # a header looked for near its detection, and farther off
ECHOES, LINES = 60_000, 60_000  # ... out of echoes, and where one chirp alone was heard
DECODE = 4_000  # ... and decoded in vain
BURST, SYMBOL = 4_000, 4.5  # a payload, and each of its symbols
LOSS_SYMBOL = 40.0  # ... each of its symbols where pilots are missing and are sought elsewhere
ECHO_SYMBOL, ECHO_SQUARE = 6.0, 1e-3  # ... out of echoes besides, and for the square of their number


class Budget:
    """Units that a stream has earned and not yet spent."""

    def __init__(self, symbol_rate: float) -> None:
        """`symbol_rate` in hertz, as it is where the stream comes from: a slow one has time."""
        self._left, self._earned = MOST, EARNED / (SAMPLES_PER_SYMBOL * symbol_rate)

    def earn(self, samples: int) -> None:
        """That many samples have come."""
        self._left = min(MOST, self._left + self._earned * samples)

    def spend(self, units: float, spare: float = 0.0) -> bool:
        """Whether there is more than `spare`; then they are spent, if need be in advance."""
        if self._left <= spare:
            return False
        self._left -= units
        return True
