"""Spectrogram, waterfall and constellation as numbers that the page draws."""

import base64
from typing import Any

import numpy as np
from scipy.signal import ShortTimeFFT, get_window

from gr_deepsc.link.spectrum import Spectrum
from gr_deepsc.phy.burst import Burst
from gr_deepsc.phy.frame import Layout, deinterleave
from gr_deepsc.phy.pulse import SAMPLES_PER_SYMBOL
from gr_deepsc.phy.synchronise import Sync, Window

from ..show.spectrogram import RANGE_DB, at_one_loudness

COLUMNS = 640  # of a picture at most
POINTS = 1200  # of a constellation at most
AIR_DB = 50.0  # range of the waterfall's colours at most
BELOW_DB = 6.0  # what is so far below most of the picture, where there is noise, is black
MARGIN = 0.06  # of a burst's length, shown before and behind it
HANN_DB = 1.76  # by which the bins of a Hann window's power spectrum sum up to more than the power: its noise bandwidth
_AROUND = 64  # samples before and behind a burst that its pulses reach


def speech(original: np.ndarray, received: np.ndarray, rate: int) -> dict[str, Any]:
    """Both spectrograms on one scale of colour: float32 [n] at `rate` Hz each."""
    pictures, top = at_one_loudness(original, received, rate)
    names = ("original", "received")
    return {
        name: _picture(_columns(levels), extent, top - RANGE_DB, top)
        for name, (levels, extent) in zip(names, pictures, strict=True)
    }


def waterfall(samples: np.ndarray, burst: Burst | None, symbol_rate: float) -> dict[str, Any]:
    """Power over time (ms from the burst's first symbol) and frequency (kHz), and where the parts of the burst are.

    Args:
        samples: complex64 [n], what the receiver got, 4 a symbol, from the stream's beginning on.
        burst: None where none was found: then all samples are shown.
    """
    rate = SAMPLES_PER_SYMBOL * symbol_rate
    if burst is None:
        return _levels(samples, 0.0, rate) | {"parts": {}}
    layout, stretch = Layout(burst.header.frames, burst.preamble), 1 + 1e-6 * burst.clock_ppm
    margin = round(MARGIN * burst.samples)
    first, last = max(0, round(burst.start) - margin), round(burst.start) + burst.samples + margin
    parts = {
        "preamble up": (0, layout.preamble.chirp),
        "header": (layout.preamble.chirp, layout.down),
        "preamble down": (layout.down, layout.begin),
        "payload": (layout.begin, layout.end),
    }
    marks = {name: [1e3 * place * stretch / symbol_rate for place in ends] for name, ends in parts.items()}
    return _levels(samples[first:last], first - burst.start, rate) | {"parts": marks}


def constellation(samples: np.ndarray, burst: Burst, sent: np.ndarray) -> dict[str, Any]:
    """The payload before the equaliser, time and carrier being found, and behind it.

    Args:
        samples: as of `waterfall`.
        sent: complex64 [20 * frames], what was sent of this burst, in the order of the frames.

    Returns:
        `before` (scaled to unit power) and `after` (MMSE), [real, imaginary] each, and `angle`, at which the symbol
        was sent, in turns.
    """
    layout = Layout(burst.header.frames, burst.preamble)
    first = max(0, round(burst.start) - _AROUND)
    piece = samples[first : round(burst.start) + burst.samples + _AROUND]
    carrier = burst.cfo - burst.drift * layout.end / 2  # at the burst's first symbol
    window = Window(piece, burst.start - first, carrier, burst.drift)
    before = deinterleave(window.at(layout.payload, Sync(0.0, 0.0, burst.clock_ppm, burst.drift)))
    before = before / max(float(np.sqrt(np.mean(np.abs(before) ** 2))), 1e-12)
    chosen = np.linspace(0, len(sent) - 1, min(POINTS, len(sent))).round().astype(int)
    angle = np.angle(sent) / (2 * np.pi) % 1
    return {
        "before": _points(before[chosen]),
        "after": _points(burst.symbols[chosen]),
        "angle": np.round(angle[chosen], 3).tolist(),
    }


def spectrum(heard: Spectrum) -> dict[str, Any]:
    """Levels in whole dB of full scale over `extent` in kHz, and `level_db` of all of them together."""
    half, power = heard.sample_rate / 2, float(np.sum(10 ** (heard.levels.astype(float) / 10)))
    return {
        "extent": [(heard.center_hz - half) / 1e3, (heard.center_hz + half) / 1e3],
        "level_db": round(10 * np.log10(power) - HANN_DB, 1),
        "levels": heard.levels.round().astype(int).tolist(),
    }


def _levels(samples: np.ndarray, first: float, rate: float) -> dict[str, Any]:
    """The spectrum of complex64 [n] at `rate` Hz over time, of which sample 0 is sample `first` of the burst."""
    size = 64 if len(samples) < 20_000 else 128
    samples = np.pad(samples, (0, max(0, size - len(samples))))
    hop = max(4, len(samples) // COLUMNS)
    transform = ShortTimeFFT(get_window("hann", size), hop, rate, mfft=128, fft_mode="centered", scale_to="psd")
    levels = 10 * np.log10(transform.spectrogram(samples, p0=0, p1=len(samples) // hop) + 1e-20)
    extent = (1e3 * first / rate, 1e3 * (first + len(samples)) / rate, -rate / 2e3, rate / 2e3)
    top = float(levels.max())
    return _picture(levels, extent, max(top - AIR_DB, float(np.median(levels)) - BELOW_DB), top)


def _points(z: np.ndarray) -> list[list[float]]:
    return np.stack([z.real, z.imag], 1).round(3).tolist()


def _columns(levels: np.ndarray) -> np.ndarray:
    """[frequencies, frames] with half the rows, and `COLUMNS` columns at most: the loudest of those that it joins."""
    step = -(-levels.shape[1] // COLUMNS)
    rows, columns = levels.shape[0] // 2 * 2, levels.shape[1] // step * step
    return levels[:rows, :columns].reshape(rows // 2, 2, columns // step, step).max((1, 3))


def _picture(levels: np.ndarray, extent: tuple[float, ...], low: float, high: float) -> dict[str, Any]:
    """`levels` in dB, [rows, columns], the lowest frequency first, as bytes from `low` to `high`."""
    grey = np.clip(255 * (levels - low) / (high - low), 0, 255).astype(np.uint8)
    return {
        "rows": grey.shape[0],
        "columns": grey.shape[1],
        "extent": [round(float(v), 6) for v in extent],
        "range_db": round(high - low, 1),
        "pixels": base64.b64encode(grey.tobytes()).decode(),
    }
