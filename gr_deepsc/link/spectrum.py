"""Power spectra of a flowgraph for those who watch it: PUB -> SUB, beside the results of `protocol`.

A message has two frames: a JSON header {"version": 1, "type": "spectrum", "sample_rate": Hz, "center_hz": Hz of the
middle}, at most `MAX_HEADER` bytes, and float32 little-endian powers in dB of full scale, `BINS` of them from
-sample_rate / 2 on.
"""

import json
import math
from typing import NamedTuple

import numpy as np
from scipy.signal import welch

from .protocol import MAX_HEADER, VERSION, ProtocolError

BINS = 256
FLOOR_DB = -160.0  # of digital silence


class Spectrum(NamedTuple):
    """Mean powers in the `BINS` stretches of a band.

    `levels`: float32 [BINS], dB of full scale (a complex tone of amplitude 1: 0 dB), lowest frequency first.
    """

    sample_rate: float  # Hz: the band's width
    center_hz: float
    levels: np.ndarray


def measured(samples: np.ndarray, sample_rate: float, center_hz: float = 0.0) -> Spectrum:
    """Of complex [n], full scale 1.0, n >= `BINS`: Welch's mean of windows of `BINS` samples (Hann)."""
    powers = welch(
        samples, nperseg=BINS, noverlap=0, detrend=False, return_onesided=False, scaling="spectrum"
    )[1]  # fmt: skip
    levels = 10 * np.log10(np.maximum(np.fft.fftshift(powers), 10 ** (FLOOR_DB / 10)))
    return Spectrum(sample_rate, center_hz, levels.astype(np.float32))


def pack(spectrum: Spectrum) -> list[bytes]:
    """The frames of a message."""
    header = {"version": VERSION, "type": "spectrum"}
    header |= {"sample_rate": spectrum.sample_rate, "center_hz": spectrum.center_hz}
    return [json.dumps(header).encode(), spectrum.levels.astype("<f4").tobytes()]


def unpack(frames: list[bytes]) -> Spectrum:
    """The spectrum of a message.

    Raises:
        ProtocolError: it is none.
    """
    try:
        header, payload = frames
        if len(header) > MAX_HEADER or len(payload) != 4 * BINS:
            raise ValueError(f"{len(header)} and {len(payload)} bytes")
        told = json.loads(header)
        if (told["version"], told["type"]) != (VERSION, "spectrum"):
            raise ValueError(f"type {str(told['type'])[:40]!r}")
        rate, center = float(told["sample_rate"]), float(told["center_hz"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ProtocolError(f"no spectrum: {error}") from None
    levels = np.frombuffer(payload, "<f4")
    if not (math.isfinite(center) and 0 < rate < math.inf and np.isfinite(levels).all()):
        raise ProtocolError("a spectrum of numbers that are none")
    return Spectrum(rate, center, levels)
