"""Audio as it comes -> what the transmitter takes: 16 kHz, mono, float32, and a typed refusal of all else."""

from collections.abc import Iterable, Iterator
from math import ceil, gcd, log10
from pathlib import Path

import numpy as np
from scipy.signal import firwin, resample_poly

from ..framing import SAMPLE_RATE

MIN_SECONDS = 0.1
MAX_SECONDS = 60.0  # of an utterance
LONGEST_S = 28.0  # of the utterances that recordings and streams are cut into: with what is added, a reader's 30 s
MAX_RECORDING_S = 600.0
MIN_RATE = 8_000  # Hz
MAX_RATE = 192_000  # Hz
SILENCE_DBFS = -60.0  # an utterance whose peak lies below this is taken as silence
_BLOCK = 1 << 18  # samples of a file at a time


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
    mono = mix(samples)
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
    _check_not_empty(seconds)
    if seconds > MAX_SECONDS:
        raise AudioError(
            "too_long",
            f"the audio lasts {seconds:.1f} s, an utterance at most {MAX_SECONDS:g} s; `deepsc simulate`, `send` and "
            "`record` cut recordings at their pauses, the Speech Segmenter cuts streams",
        )


def _check_not_empty(seconds: float) -> None:
    if seconds < MIN_SECONDS:
        raise AudioError("empty", f"the audio is empty ({seconds:.2f} s; at least {MIN_SECONDS:g} s are needed)")


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
    """Read a recording (what libsndfile reads: wav, flac, opus, ...), channels averaged.

    One of up to `LONGEST_S` is given at its own rate. A longer one, which `recording.read` cuts into utterances, is
    resampled while it is read, so that it takes the memory of ten minutes at 16 kHz at most; one of more than
    `MAX_RECORDING_S` is refused before it is decoded.

    Returns:
        float32 [n] with full scale 1.0, and its sample rate in Hz. Not checked further: that is `check`.

    Raises:
        AudioError: missing, corrupt, empty or too_long; bad_rate, of a long one.
    """
    import soundfile  # here, so that whoever needs only `check` needs no libsndfile

    path = Path(path)
    if not path.is_file():
        raise AudioError("missing", f"{path} is a folder, not a recording" if path.is_dir() else f"no file {path}")
    try:
        with soundfile.SoundFile(path) as recording:
            rate, promised = recording.samplerate, recording.frames
            _check_recording(promised / rate)
            blocks = (mix(each) for each in recording.blocks(_BLOCK, dtype="float32", always_2d=True))
            if promised > LONGEST_S * rate and rate != SAMPLE_RATE:
                samples, rate = np.concatenate(list(_resampled(blocks, check_rate(rate)))), SAMPLE_RATE
            else:
                samples = np.concatenate(list(blocks) or [np.zeros(0, np.float32)])
    except soundfile.LibsndfileError as error:
        if not path.stat().st_size:
            raise AudioError("empty", f"{path} is an empty file") from None
        raise AudioError("corrupt", f"cannot read {path}: {error.error_string.rstrip('.')}") from None
    except OSError as error:
        raise AudioError("missing", f"cannot open {path}: {error.strerror}") from None
    _check_recording(len(samples) / rate)  # a truncated file promises more frames than it holds
    return samples, rate


def _check_recording(seconds: float) -> None:
    _check_not_empty(seconds)
    if seconds > MAX_RECORDING_S:
        raise AudioError(
            "too_long",
            f"the recording lasts {seconds:.1f} s, at most {MAX_RECORDING_S:g} s are taken; cut it into shorter files",
        )


def _resampled(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """`check`'s `resample_poly` to 16 kHz of float32 [n] that comes in blocks: the same samples, float32 [m] each."""
    common = gcd(rate, SAMPLE_RATE)
    up, down = SAMPLE_RATE // common, rate // common
    taps = firwin(20 * max(up, down) + 1, 1 / max(up, down), window=("kaiser", 5.0)).astype(np.float32)
    margin = down * ceil((10 * max(up, down) / up + 1) / down)  # samples that the filter reaches, in whole periods
    held = np.zeros(margin, np.float32)  # before the recording there is silence
    for block in blocks:
        held = np.concatenate([held, block])
        ready = (len(held) - 2 * margin) // down * down  # whose outputs no later block reaches
        if ready > 0:
            out = resample_poly(held[: ready + 2 * margin], up, down, window=taps)
            yield out[margin * up // down : (margin + ready) * up // down]
            held = held[ready:]
    yield resample_poly(held, up, down, window=taps)[margin * up // down :]
