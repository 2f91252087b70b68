"""Audio as it comes -> what the transmitter takes: 16 kHz, mono, float32, and a typed refusal of all else."""

from collections.abc import Callable
from math import gcd, log10
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from ..framing import SAMPLE_RATE

MIN_SECONDS = 0.1
MAX_SECONDS = 60.0  # of an utterance
LONGEST_S = 28.0  # of the utterances that recordings and streams are cut into: with what is added, a reader's 30 s
MAX_RECORDING_S = 600.0
MIN_RATE = 8_000  # Hz
MAX_RATE = 192_000  # Hz
SILENCE_DBFS = -60.0  # an utterance whose peak lies below this is taken as silence
LOUDEST = 16.0  # of full scale: floats beyond are on the scale of integers
CANCELLED = 0.1  # power of two channels' mean over that of their difference: below they are in antiphase


class AudioError(ValueError):
    """Audio that cannot be sent. `error_type` is a short slug, the message a sentence that says what to do.

    Types: empty, silent, not_finite, too_long, bad_rate, bad_format, missing, corrupt.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def check(samples: np.ndarray, sample_rate: float) -> np.ndarray:
    """Turn one utterance into what the transmitter takes, or refuse it.

    >>> tone = np.sin(2 * np.pi * 440 / 48_000 * np.arange(48_000))
    >>> samples = check(np.stack([tone, tone], axis=1), sample_rate=48_000)
    >>> samples.shape, samples.dtype
    ((16000,), dtype('float32'))
    >>> check(np.zeros(16_000), sample_rate=16_000)
    Traceback (most recent call last):
    gr_deepsc.speech.audio.AudioError: the audio is silent (peak below -60 dBFS); check the microphone

    Args:
        samples: real [n] or [n, channels]; floats of full scale 1.0, or signed integers.
        sample_rate: Hz, `MIN_RATE` to `MAX_RATE`.

    Returns:
        float32 [ceil(n * 16000 / sample_rate)], 16 kHz, the channels averaged.

    Raises:
        AudioError: bad_format, bad_rate, empty, too_long, not_finite or silent.
    """
    rate = check_rate(sample_rate)
    samples = np.asarray(samples)
    check_duration(len(samples) if samples.ndim else 0, rate)
    mono = levelled(mix(samples))
    check_level(mono)
    if rate == SAMPLE_RATE:
        return mono
    common = gcd(rate, SAMPLE_RATE)
    return resample_poly(mono, SAMPLE_RATE // common, rate // common).astype(np.float32)


def check_rate(sample_rate: float) -> int:
    """The sample rate in whole Hz.

    Raises:
        AudioError: bad_rate.
    """
    if not (np.isfinite(sample_rate) and MIN_RATE <= sample_rate <= MAX_RATE):
        raise AudioError(
            "bad_rate", f"sample rate {sample_rate:g} Hz is outside {MIN_RATE}..{MAX_RATE} Hz; resample it"
        )
    return round(sample_rate)


def check_level(mono: np.ndarray) -> None:
    """Refuse float32 [n] in which nothing can be heard.

    Raises:
        AudioError: not_finite or silent.
    """
    if not np.isfinite(mono).all():
        raise AudioError("not_finite", "the audio has NaN or infinite samples; repair or re-record it")
    if peak_dbfs(mono) < SILENCE_DBFS:
        raise AudioError("silent", f"the audio is silent (peak below {SILENCE_DBFS:g} dBFS); check the microphone")


def peak_dbfs(mono: np.ndarray) -> float:
    """Of float32 [n], n > 0."""
    return 20 * log10(max(float(mono.max()), -float(mono.min()), 1e-12))


def check_duration(samples: int, sample_rate: float) -> None:
    """Refuse an utterance of `samples` at `sample_rate` Hz that is too short or too long.

    Raises:
        AudioError: empty or too_long.
    """
    seconds = samples / sample_rate
    check_not_empty(seconds)
    if seconds > MAX_SECONDS:
        raise AudioError(
            "too_long",
            f"the audio lasts {seconds:.1f} s, an utterance at most {MAX_SECONDS:g} s; `deepsc simulate`, `send` and "
            "`record` cut recordings at their pauses, the Speech Segmenter cuts streams",
        )


def check_not_empty(seconds: float) -> None:
    """Refuse what is too short.

    Raises:
        AudioError: empty.
    """
    if seconds < MIN_SECONDS:
        raise AudioError("empty", f"the audio is empty ({seconds:.2f} s; at least {MIN_SECONDS:g} s are needed)")


def mix(samples: np.ndarray) -> np.ndarray:
    """Average the channels of real [n] or [n, channels] into float32 [n] of full scale 1.0.

    Channels in antiphase, as a balanced line on a stereo socket gives them, would be silence: the first is taken then.

    Raises:
        AudioError: bad_format, for another number of dimensions or another kind of number.
    """
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "fi" or 0 in samples.shape:
        raise AudioError(
            "bad_format", f"audio must be real [samples] or [samples, channels], not {samples.dtype} {samples.shape}"
        )
    scale = 1.0 if samples.dtype.kind == "f" else -float(np.iinfo(samples.dtype).min)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows float32 is refused as not finite
        mono = samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float64)
        if samples.ndim == 2 and samples.shape[1] == 2:
            difference = (samples[:, 0].astype(np.float64) - samples[:, 1]) / 2
            if np.dot(mono, mono) < CANCELLED * np.dot(difference, difference):
                mono = samples[:, 0]
        return np.ascontiguousarray(mono / scale, dtype=np.float32)


def levelled(mono: np.ndarray, warn: Callable[[str], object] = lambda told: None) -> np.ndarray:
    """float32 [n] brought to full scale if it is on the scale of integers, as some programs write floats.

    Raises:
        AudioError: bad_format, where the samples are larger than any integer.
    """
    peak = max(float(mono.max()), -float(mono.min())) if len(mono) else 0.0
    if not LOUDEST < peak < np.inf:  # check_level refuses what is not finite
        return mono
    if peak > 2.0**32:
        raise AudioError("bad_format", f"the samples reach {peak:.1g} times full scale: no sound; export it again")
    warn(f"the samples reach {peak:.6g} times full scale, as integers do: divided by that")
    return mono / np.float32(peak)


def read(
    path: str | Path, warn: Callable[[str], object] = lambda told: None, most_s: float = MAX_RECORDING_S
) -> tuple[np.ndarray, int]:
    """Read a recording: what libsndfile reads (wav, flac, opus, ...), or with PyAV FFmpeg (m4a, amr, ...); mixed.

    One of up to `LONGEST_S` is given at its own rate. A longer one, which `recording.read` cuts into utterances, is
    resampled while it is read, so that it takes the memory of `most_s` at 16 kHz at most. What a header says of the
    length is not relied on: of a file that was cut, what is there is given.

    Args:
        path: "-" for standard input; a pipe will do, too.
        warn: told in a sentence what is missing, or was put right.
        most_s: seconds; a recording that lasts longer is refused.

    Returns:
        float32 [n] with full scale 1.0, and its sample rate in Hz. Not checked further: that is `check`.

    Raises:
        AudioError: missing, corrupt, empty, too_long or bad_format; bad_rate, of a long one.
    """
    from . import reading  # here, so that whoever needs only `check` needs no libsndfile

    return reading.read(path, warn, most_s)
