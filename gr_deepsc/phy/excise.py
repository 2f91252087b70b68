"""Carriers that share the band with a burst are taken out of the stream before anything is sought in it.

The stream is cut into overlapping frames, windowed (4-term Blackman-Harris: Harris, Proc. IEEE 66(1), 1978; side lobes
of -92 dB, so that a carrier stays in a few bins) and transformed. Noise and bursts fill many bins alike, each bin's
power exponentially distributed about a level that changes slowly from bin to bin; a bin that stands out of its
neighbourhood is a line. The level is the "greatest of" the neighbouring ones, as in radar detectors of constant false
alarm rate, so that the edge of a band is no line; and each of them is a median, which a few lines do not raise.
What the lines' bins add up to is subtracted: a frame without lines passes bit for bit.
"""

import numpy as np
from scipy import fft
from scipy.ndimage import maximum_filter1d

from .exact import scaled, square
from .pulse import SAMPLES_PER_SYMBOL

FRAME = 1024 * SAMPLES_PER_SYMBOL  # samples
HOP = FRAME // 4  # the shifted windows' sum is constant: three harmonics, four shifts
# A bin's power over the median of its neighbours that makes it a line. Noise never does; a burst is not as even: of 127
# clean ones of validation recordings the highest bin was 55 medians, where a pause makes the symbols of many frames
# alike. A carrier as strong as the signal, whose power a thousand bins share, has 720, and does no harm yet.
LINE = 200.0
SIDE = 20.0  # the same beside a line: what keying makes of one
_BLOCK = 64  # bins of a median; a bin's neighbours are the blocks before and behind its own as well
# Of the mean bin: what is fainter is not worth a look; and a silence has lines made of rounding.
_FAINT = 1e-5

_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)
_WINDOW = sum(
    a * np.cos(2 * np.pi * k * np.arange(FRAME) / FRAME) for k, a in enumerate(_HARRIS)
)  # fmt: skip
_WINDOW = (_WINDOW / (_HARRIS[0] * FRAME / HOP)).astype(np.float32)


def lines(spectrum: np.ndarray) -> np.ndarray:
    """Which bins of a frame's spectrum, complex [FRAME], are lines or the skirts of one: bool [FRAME]."""
    power = square(spectrum)
    blocks = power.reshape(-1, _BLOCK)
    # Where more than half of a block are that near to its greatest bin, so is its median, and none of it is a line.
    if np.all(np.count_nonzero(LINE * blocks > blocks.max(1, keepdims=True), axis=1) > _BLOCK // 2):
        return np.zeros(FRAME, bool)
    medians = np.median(blocks, 1)
    level = np.maximum(np.maximum(np.roll(medians, 1), np.roll(medians, -1)), medians)
    level = np.maximum(level, _FAINT * power.mean()).repeat(_BLOCK)
    found = power > LINE * level
    if not found.any():
        return found
    found |= (power > SIDE * level) & maximum_filter1d(found, 2 * _BLOCK + 1, mode="wrap")
    return maximum_filter1d(found, 3, mode="wrap")


class Excisor:
    """Takes the lines out of a stream in pieces of any size; what comes out does not depend on the pieces."""

    def __init__(self) -> None:
        self._samples: np.ndarray = np.zeros(FRAME - HOP, np.complex64)  # from the next frame's first on
        self._lines = np.zeros(FRAME, np.complex64)  # what the frames so far have found in its samples
        self._early = FRAME - HOP  # samples before the stream's first that are still to come out

    def push(self, samples: np.ndarray) -> np.ndarray:
        """The samples that no later frame reaches: complex64 [n], finite -> complex64 [m], FRAME late at most."""
        self._samples = np.concatenate([self._samples, samples])
        done = [np.zeros(0, np.complex64)]
        while len(self._samples) >= FRAME:
            frame = self._samples[:FRAME]
            spectrum = fft.fft(scaled(frame, _WINDOW))
            found = lines(spectrum)
            if found.any():
                self._lines += fft.ifft(np.where(found, spectrum, 0)).astype(np.complex64)
            done.append(frame[:HOP] - self._lines[:HOP])
            self._lines = np.concatenate([self._lines[HOP:], np.zeros(HOP, np.complex64)])
            self._samples = self._samples[HOP:]
        out = np.concatenate(done)
        early = min(self._early, len(out))
        self._early -= early
        return out[early:]

    def flush(self) -> np.ndarray:
        """The stream has ended: the rest of it. Then another one may begin."""
        rest = len(self._samples) - self._early
        out = self.push(np.zeros(FRAME + HOP, np.complex64))[:rest]
        self.__init__()  # type: ignore[misc]
        return out
