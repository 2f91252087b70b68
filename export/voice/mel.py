"""Log-mel spectrograms (`gr_deepsc.voice.mel`) in torch, and how a voice's recordings are prepared."""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gr_deepsc.framing import SAMPLE_RATE
from gr_deepsc.voice.mel import FLOOR, FRAME_RATE, HOP, MELS, N_FFT, WINDOW, mel_filters

__all__ = ["FLOOR", "FRAME_RATE", "HOP", "MELS", "N_FFT", "WINDOW"]  # from here in all of export/voice

RMS = 0.06  # of prepared speech, -24 dB of full scale: room for the peaks of all but a few utterances
PEAK = 0.95
QUIET_DB = 38.0  # below the loud frames of an utterance: no speech
MARGIN = 0.06  # seconds kept before the first and after the last speech


def spectrum(waveform: Tensor) -> Tensor:
    """Magnitudes of Hann windows centred at multiples of `HOP`: [batch, samples] -> [batch, 513, frames].

    The signal is reflected at both ends; frames = samples // HOP + 1, so at least 513 samples are needed.
    """
    window = torch.hann_window(WINDOW, device=waveform.device)
    transform = torch.stft(waveform, N_FFT, HOP, window=window, center=True, pad_mode="reflect", return_complex=True)
    return transform.abs()


def log_mel(waveform: Tensor) -> Tensor:
    """float32 [batch, samples] at 16 kHz -> natural logarithm of mel magnitudes [batch, samples // 256 + 1, 80]."""
    if waveform.shape[1] <= N_FFT // 2:  # too short to be reflected
        waveform = F.pad(waveform, (0, N_FFT // 2 + 1 - waveform.shape[1]))
    filters = band_filters().to(waveform.device)
    return (filters @ spectrum(waveform)).clamp(min=FLOOR).log().transpose(1, 2)


def mel_of(waveform: np.ndarray) -> np.ndarray:
    """`log_mel` of one recording: float32 [samples] -> [samples // 256 + 1, 80]."""
    return log_mel(torch.from_numpy(waveform)[None])[0].numpy()


def speech_part(samples: np.ndarray) -> slice:
    """Where an utterance speaks: float [samples] -> the slice between leading and trailing silence.

    Silence is 10 ms frames `QUIET_DB` below the 95th percentile of the utterance's frames; a lone click of one frame
    does not count as speech. `MARGIN` is kept on either side.
    """
    frame = SAMPLE_RATE // 100
    power = np.square(samples[: len(samples) // frame * frame].astype(np.float64)).reshape(-1, frame).mean(1)
    if not power.any():
        return slice(0, 0)
    loud = power > np.percentile(power, 95) * 10 ** (-QUIET_DB / 10)
    pairs = np.flatnonzero(loud[:-1] & loud[1:])
    if not len(pairs):
        return slice(0, 0)
    margin = round(MARGIN * SAMPLE_RATE)
    return slice(max(0, pairs[0] * frame - margin), min(len(samples), (pairs[-1] + 2) * frame + margin))


def prepare(samples: np.ndarray) -> np.ndarray:
    """A recording as voices are trained on it: float32 [samples] trimmed, its RMS `RMS`, no peak above `PEAK`.

    All of it silence: an empty array.
    """
    speech = samples[speech_part(samples)].astype(np.float32)
    if not len(speech):
        return speech
    gain = RMS / math.sqrt(np.square(speech, dtype=np.float64).mean())
    return speech * np.float32(min(gain, PEAK / np.abs(speech).max()))


@cache
def band_filters() -> Tensor:
    """Mel filters, float32 [80, 513] on the CPU."""
    return torch.from_numpy(mel_filters())
