"""The fundamental frequency of recordings: what a vocoder's pitch layer learns to read off mel spectrograms."""

import numpy as np

from gr_deepsc.framing import SAMPLE_RATE

from .mel import HOP, WINDOW

F0_RANGE = (65.0, 420.0)  # Hz
CANDIDATES = 5  # peaks of the autocorrelation that a frame's pitch is chosen from
UNVOICED = 0.45  # normalised autocorrelation that a voiced frame has to exceed
OCTAVE_COST = 0.02  # an octave down: the second period fits as well as the first
JUMP_COST = 0.35  # an octave between two frames
SWITCH_COST = 0.14  # between voiced and unvoiced
QUIET = 0.03  # of the loudest amplitude: not voiced


def track(waveform: np.ndarray) -> np.ndarray:
    """F0 in Hz about the middle of each mel frame, 0 where unvoiced: float32 [samples // 256 + 1].

    Boersma (1993), "Accurate short-term analysis of the fundamental frequency": peaks of the autocorrelation divided
    by the window's, interpolated by a parabola, and the cheapest path through them with the paper's costs.
    """
    frames = len(waveform) // HOP + 1
    shortest, longest = round(SAMPLE_RATE / F0_RANGE[1]), round(SAMPLE_RATE / F0_RANGE[0])
    padded = np.pad(waveform.astype(np.float32), (WINDOW // 2, WINDOW // 2 + HOP))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:frames]
    window = np.hanning(WINDOW).astype(np.float32)
    pieces = (pieces - pieces.mean(1, keepdims=True)) * window
    found = _autocorrelation(pieces)[:, : longest + 2]
    of_window = _autocorrelation(window[None])[:, : longest + 2] / window.dot(window)
    found /= np.maximum(found[:, :1], 1e-9) * of_window
    inner = found[:, shortest : longest + 1]
    left, right = found[:, shortest - 1 : longest], found[:, shortest + 1 : longest + 2]
    peak = (inner >= left) & (inner > right)
    curve = np.minimum(left - 2 * inner + right, -1e-9)
    lag = np.arange(shortest, longest + 1) + np.where(peak, 0.5 * (left - right) / curve, 0)
    height = inner - 0.125 * (left - right) ** 2 / curve
    strength = np.where(peak, height - OCTAVE_COST * np.log2(lag / shortest), -np.inf)
    best = np.argpartition(-strength, CANDIDATES, axis=1)[:, :CANDIDATES]
    f0 = np.take_along_axis(SAMPLE_RATE / lag, best, 1)
    strength = np.take_along_axis(strength, best, 1)
    amplitude = np.abs(pieces).max(1)
    unvoiced = UNVOICED + np.maximum(0, 2 - amplitude / (QUIET * max(amplitude.max(), 1e-9)))
    return _path(np.log2(f0), strength, unvoiced)


def _autocorrelation(pieces: np.ndarray) -> np.ndarray:
    return np.fft.irfft(np.abs(np.fft.rfft(pieces, 2 * WINDOW)) ** 2)


def _path(octaves: np.ndarray, strength: np.ndarray, unvoiced: np.ndarray) -> np.ndarray:
    """Viterbi over candidates [frames, n] and, as the last state, unvoiced [frames]."""
    frames, n = octaves.shape
    gain = np.concatenate([strength, unvoiced[:, None]], 1)
    score, back = gain[0], np.zeros((frames, n + 1), int)
    cost = np.full((n + 1, n + 1), SWITCH_COST)
    cost[n, n] = 0
    for t in range(1, frames):
        cost[:n, :n] = JUMP_COST * np.abs(octaves[t - 1][:, None] - octaves[t])
        total = score[:, None] - cost
        back[t] = total.argmax(0)
        score = total.max(0) + gain[t]
    states = np.empty(frames, int)
    states[-1] = score.argmax()
    for t in range(frames - 1, 0, -1):
        states[t - 1] = back[t, states[t]]
    voiced = states < n
    chosen = octaves[np.arange(frames), np.minimum(states, n - 1)]
    return np.where(voiced, 2.0**chosen, 0).astype(np.float32)
