"""Audio as it comes -> what the transmitter takes: 16 kHz, mono, float32, and a typed refusal of all else."""

from math import gcd
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from ..framing import SAMPLE_RATE

MIN_SECONDS = 0.1
MAX_SECONDS = 60.0
MIN_RATE = 8_000  # Hz
MAX_RATE = 192_000  # Hz
SILENCE_DBFS = -60.0  # an utterance whose peak lies below this is taken as silence


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
    if not (np.isfinite(sample_rate) and MIN_RATE <= sample_rate <= MAX_RATE):
        raise AudioError(
            "bad_rate", f"sample rate {sample_rate:g} Hz is outside {MIN_RATE}..{MAX_RATE} Hz; resample it"
        )
    rate = round(sample_rate)
    samples = np.asarray(samples)
    check_duration(len(samples) if samples.ndim else 0, rate)
    mono = mix(samples)
    if not np.isfinite(mono).all():
        raise AudioError("not_finite", "the audio has NaN or infinite samples; repair or re-record it")
    peak = float(np.abs(mono).max())
    if peak < 10 ** (SILENCE_DBFS / 20):
        raise AudioError("silent", f"the audio is silent (peak below {SILENCE_DBFS:g} dBFS); check the microphone")
    if rate == SAMPLE_RATE:
        return mono
    common = gcd(rate, SAMPLE_RATE)
    return resample_poly(mono, SAMPLE_RATE // common, rate // common).astype(np.float32)


def check_duration(samples: int, sample_rate: float) -> None:
    """Refuse an utterance of `samples` at `sample_rate` Hz that is too short or too long.

    Raises:
        AudioError: empty or too_long.
    """
    seconds = samples / sample_rate
    if seconds < MIN_SECONDS:
        raise AudioError("empty", f"the audio is empty ({seconds:.2f} s; at least {MIN_SECONDS:g} s are needed)")
    if seconds > MAX_SECONDS:
        raise AudioError(
            "too_long", f"the audio lasts {seconds:.1f} s, an utterance at most {MAX_SECONDS:g} s; cut it into parts"
        )


def mix(samples: np.ndarray) -> np.ndarray:
    """Average the channels of real [n] or [n, channels] into float32 [n] of full scale 1.0.

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
        return np.ascontiguousarray(mono / scale, dtype=np.float32)


def read(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a recording (what libsndfile reads: wav, flac, opus, ...), channels averaged, at its own rate.

    Reads no more than an utterance may last: a longer file is refused before it is decoded.

    Returns:
        float32 [n] with full scale 1.0, and its sample rate in Hz. Not checked further: that is `check`.

    Raises:
        AudioError: missing, corrupt, empty or too_long.
    """
    import soundfile  # here, so that whoever needs only `check` needs no libsndfile

    path = Path(path)
    if not path.is_file():
        raise AudioError("missing", f"{path} is a folder, not a recording" if path.is_dir() else f"no file {path}")
    try:
        with soundfile.SoundFile(path) as recording:
            rate = recording.samplerate
            check_duration(recording.frames, rate)
            samples = recording.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        if not path.stat().st_size:
            raise AudioError("empty", f"{path} is an empty file") from None
        raise AudioError("corrupt", f"cannot read {path}: {error.error_string.rstrip('.')}") from None
    except OSError as error:
        raise AudioError("missing", f"cannot open {path}: {error.strerror}") from None
    check_duration(len(samples), rate)  # a truncated file promises more frames than it holds
    return mix(samples), rate
