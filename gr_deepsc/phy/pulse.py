"""The pulse: root-raised cosine, four samples a symbol, unit energy.

Noise of variance N0 a complex sample is noise of variance N0 a symbol behind the matched filter.
"""

import numpy as np
from scipy.signal import fftconvolve, upfirdn

SAMPLES_PER_SYMBOL = 4
ROLL_OFF = 0.25
SPAN = 16  # symbols from the pulse's first tap to its last


def _root_raised_cosine() -> np.ndarray:
    """float32 [SPAN * SAMPLES_PER_SYMBOL + 1], sum of squares 1 (Proakis, Digital Communications, 9.2)."""
    t = np.arange(-SPAN * SAMPLES_PER_SYMBOL // 2, SPAN * SAMPLES_PER_SYMBOL // 2 + 1) / SAMPLES_PER_SYMBOL
    b = ROLL_OFF
    with np.errstate(divide="ignore", invalid="ignore"):
        h = np.sin(np.pi * t * (1 - b)) + 4 * b * t * np.cos(np.pi * t * (1 + b))
        h /= np.pi * t * (1 - (4 * b * t) ** 2)
    h[t == 0] = 1 - b + 4 * b / np.pi
    corner = (1 + 2 / np.pi) * np.sin(np.pi / (4 * b)) + (1 - 2 / np.pi) * np.cos(np.pi / (4 * b))
    h[np.isclose(np.abs(4 * b * t), 1)] = b / np.sqrt(2) * corner
    return (h / np.sqrt(np.sum(h**2))).astype(np.float32)


TAPS = _root_raised_cosine()
DELAY = len(TAPS) // 2  # samples from the start of a filter's output to its first symbol's peak


def shape(symbols: np.ndarray) -> np.ndarray:
    """Samples of symbols: complex64 [n] -> complex64 [(n - 1) * SAMPLES_PER_SYMBOL + len(TAPS)].

    Symbol k peaks at sample DELAY + k * SAMPLES_PER_SYMBOL. Unit symbol power gives a mean power of
    1 / SAMPLES_PER_SYMBOL a sample.
    """
    return upfirdn(TAPS, symbols, up=SAMPLES_PER_SYMBOL).astype(np.complex64)


def matched(samples: np.ndarray) -> np.ndarray:
    """The matched filter, its delay taken out: complex64 [n] -> complex64 [n].

    A pulse whose peak is at sample k of the input peaks at sample k of the output, with its symbol's value.
    """
    # in double precision, so that a strong burst's rounding does not reach a weak one beside it
    return fftconvolve(samples.astype(complex), TAPS)[DELAY : DELAY + len(samples)].astype(np.complex64)
