"""Cut speech where nobody speaks: a stream into utterances, a long waveform into pieces a model can take.

A recording, all of which is known, is cut into utterances by `recording`.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np

from ..framing import HOP
from .audio import LONGEST_S

FRAME_S = 0.02  # seconds a decision is made for
ONSET_S = 0.06  # loud for so long before an utterance opens: a click is no speech
PRE_ROLL_S = 0.8  # kept before the onset: a soft first word ("the", "of") need not be loud
LEAD_S = 0.32  # kept after the last loud frame: soft consonants live there
MEMORY_S = 4.0  # the noise floor is the quietest frame of so long; longer than anyone speaks without a gap
PARTIAL_S = 1.5  # an utterance that goes on is given at the latest so long after it was given before ...
PAUSE_S = 0.24  # ... and in a pause, which may be its end, after so long
_ONSET, _PRE_ROLL = round(ONSET_S / FRAME_S), round(PRE_ROLL_S / FRAME_S)  # in frames
_LEAD, _MEMORY, _PAUSE = (round(s / FRAME_S) for s in (LEAD_S, MEMORY_S, PAUSE_S))
SILENCE_DBFS = -75.0  # the floor is never taken to be lower: dither is not speech


class Segmenter:
    """Utterances out of a stream of samples, by energy above an adaptive noise floor.

    A frame of 20 ms is loud when its level exceeds the noise floor by `threshold_db`; the floor is the
    quietest frame of the last 4 s (minimum statistics), so a steady sound becomes the floor. Three loud
    frames in a row open an utterance, which begins 0.8 s before them; `hangover_s` without one closes it, 0.32 s
    behind the last one; and one of `max_seconds` is cut at its quietest frame.

    With `partial_s`, `steps` gives what there is so far of an utterance that goes on: after so many seconds more of it,
    and in a pause of 0.24 s, when it may have ended.

    In the first 4 s the floor is still being learnt: somebody may have been speaking from the first sample on. So all
    of it is kept, and looked at again whenever a quieter frame corrects the floor; the first pause between two words
    shows that what was before it is loud.

    The same samples give the same utterances, whatever pieces they are pushed in. A frame with NaN or
    infinity counts as silence but stays in its utterance, for the encoder to refuse.
    """

    def __init__(
        self,
        sample_rate: int = 16_000,
        threshold_db: float = 12.0,
        hangover_s: float = 0.6,
        max_seconds: float = LONGEST_S,
        partial_s: float = 0.0,
    ):
        """Rates in Hz; `partial_s` of 0 gives whole utterances only.

        Raises:
            ValueError: a parameter that leaves nothing to decide.
        """
        if not sample_rate >= 1 / FRAME_S:
            raise ValueError(f"a sample rate of {sample_rate} Hz: it must be at least {1 / FRAME_S:.0f}")
        if not threshold_db > 0:
            raise ValueError(f"a threshold of {threshold_db} dB over the noise: it must be above 0")
        if not FRAME_S <= hangover_s < max_seconds:
            raise ValueError(
                f"a hangover of {hangover_s} s and at most {max_seconds} s an utterance: "
                f"the first must be at least {FRAME_S} s and shorter than the second"
            )
        if not (partial_s == 0 or partial_s > PAUSE_S):
            raise ValueError(f"what is said so far every {partial_s} s: it must be 0, for never, or above {PAUSE_S}")
        self.sample_rate = sample_rate
        self._partial = round(partial_s / FRAME_S)
        self.threshold_db = threshold_db
        self._frame = round(sample_rate * FRAME_S)
        self._hangover = round(hangover_s / FRAME_S)
        self._longest = round(max_seconds / FRAME_S)
        self._levels: deque[float] = deque(maxlen=_MEMORY)
        self._rest: np.ndarray = np.zeros(0, np.float32)  # samples of the frame not complete yet
        self._frames: list[np.ndarray] = []  # of the utterance; before it opens, of what may be its pre-roll
        self._frame_levels: list[float] = []
        self._close()

    @property
    def floor_db(self) -> float:
        """The noise floor, dBFS."""
        return max(min(self._levels, default=SILENCE_DBFS), SILENCE_DBFS)

    def push(self, samples: np.ndarray) -> list[np.ndarray]:
        """Take float32 [any number], full scale 1.0; return the utterances they complete, float32 each."""
        return [utterance for utterance, whole in self.steps(samples) if whole]

    def steps(self, samples: np.ndarray) -> Iterator[tuple[np.ndarray, bool]]:
        """The same, and what there is so far of one that goes on: float32 each, and whether it is complete."""
        samples = np.concatenate((self._rest, np.asarray(samples, np.float32)))
        whole = len(samples) // self._frame * self._frame
        self._rest = samples[whole:]
        for frame in samples[:whole].reshape(-1, self._frame):
            if (utterance := self._step(frame)) is not None:
                yield utterance, True
            elif self._partial and self._due():
                self._given = len(self._frames)
                yield np.concatenate(self._frames), False

    def flush(self) -> list[np.ndarray]:
        """End the utterance now: [it] when one is open, [] otherwise. What comes next is heard afresh."""
        if not self._open and self._learning:  # too short for a floor: it may be one word, and nothing else
            self._look(SILENCE_DBFS)
        done = [np.concatenate((*self._frames, self._rest))] if self._open else []
        self._rest = self._rest[:0]
        self._close()
        return done

    @property
    def _learning(self) -> bool:
        return len(self._levels) < _MEMORY

    def _close(self, kept: int = 0) -> None:
        """`kept`: so many frames may be the next utterance's pre-roll."""
        self._open = False
        self._quiet_run = self._given = 0
        del self._frames[: len(self._frames) - kept], self._frame_levels[: len(self._frame_levels) - kept]

    def _step(self, frame: np.ndarray) -> np.ndarray | None:
        level = level_db(frame)
        if np.isfinite(frame).all():
            self._levels.append(level)
        self._frames.append(frame)
        self._frame_levels.append(level)
        if not self._open:
            self._look(self.floor_db)
            return None
        self._quiet_run = 0 if level > self.floor_db + self.threshold_db else self._quiet_run + 1
        if self._quiet_run >= self._hangover:
            spare = max(0, self._quiet_run - _LEAD)
            utterance = np.concatenate(self._frames[: len(self._frames) - spare])
            self._close(spare)
            return utterance
        if len(self._frames) >= self._longest:
            first = min(max(self._longest // 2, self._given), self._longest - 1)  # what was given may have been sent
            cut = quietest(np.array(self._frame_levels), first, self._longest - 1)
            utterance = np.concatenate(self._frames[:cut])
            self._given = 0
            self._frames, self._frame_levels = self._frames[cut:], self._frame_levels[cut:]
            return utterance
        return None

    def _due(self) -> bool:
        """Whether what there is so far is to be given."""
        more = len(self._frames) - self._given
        return self._open and (self._quiet_run == _PAUSE or self._partial <= more > self._quiet_run)

    def _look(self, floor_db: float) -> None:
        """Open the utterance where loud frames say so, and forget what is too old to belong to it."""
        since = 0 if self._learning else max(0, len(self._frames) - _ONSET)
        loud = np.array(self._frame_levels[since:]) > floor_db + self.threshold_db
        if (onset := _first_run(loud, _ONSET)) is not None:
            self._open = True
            self._quiet_run = int(np.argmax(loud[::-1]))
            oldest = max(0, since + onset - _PRE_ROLL)
        else:
            oldest = max(0, len(self._frames) - (_MEMORY if self._learning else _PRE_ROLL + _ONSET - 1))
        del self._frames[:oldest], self._frame_levels[:oldest]


def level_db(frame: np.ndarray) -> float:
    """RMS level of a frame in dBFS (full scale 1.0), not below -120; -120 for a frame that is not finite."""
    power = float(np.mean(np.square(frame, dtype=np.float64)))
    return 10.0 * np.log10(max(power, 1e-12)) if np.isfinite(power) else -120.0


def _first_run(loud: np.ndarray, count: int) -> int | None:
    """Where in bool [n] `count` loud frames in a row begin."""
    runs = np.convolve(loud, np.ones(count, int), "valid") == count if len(loud) >= count else loud[:0]
    return int(np.argmax(runs)) if runs.any() else None


def quietest(levels: np.ndarray, first: int, last: int) -> int:
    """The boundary b in first..last (between frames b-1 and b) with the quietest two frames a side."""
    power = 10.0 ** (np.asarray(levels) / 10.0)
    around = [power[max(0, b - 2) : b + 2].mean() for b in range(first, last + 1)]
    return first + int(np.argmin(around))


def split(waveform: np.ndarray, limit: int, hop: int = HOP) -> list[slice]:
    """Cut a waveform into pieces of at most `limit` samples at its quietest points.

    The cuts lie at multiples of `hop`, so that the pieces' frames are the whole's frames. A cut is looked for
    in the second half of what a piece may hold, and leaves the last piece a quarter of it at least.

    Args:
        waveform: float32 [samples].
        limit: samples, at least 4 hops.

    Raises:
        ValueError: `limit` is less than 4 hops.
    """
    most = limit // hop
    if most < 4:
        raise ValueError(f"pieces of {limit} samples: at least {4 * hop} are needed to choose a quiet point")
    frames = -(-len(waveform) // hop)
    levels = np.array([level_db(waveform[i * hop : (i + 1) * hop]) for i in range(frames)])
    cuts = [0]
    while frames - cuts[-1] > most:
        start = cuts[-1]
        last = min(start + most, frames - most // 4)
        cuts.append(quietest(levels, start + most // 2, last))
    ends = [cut * hop for cut in cuts[1:]] + [len(waveform)]
    return [slice(cut * hop, end) for cut, end in zip(cuts, ends, strict=True)]
