"""Recordings of any format, read in blocks; what is there of one that was cut."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from math import ceil, gcd
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import soundfile
from scipy.signal import firwin, resample_poly

from ..framing import SAMPLE_RATE
from .audio import LONGEST_S, AudioError, check_not_empty, check_rate, levelled, mix
from .container import STREAMED, mended, opened

Warn = Callable[[str], object]
_BLOCK = 1 << 18  # samples of a file at a time
_ENDLESS = 1 << 62  # frames, and more: libsndfile's word for a length that nobody wrote down
_NO_SEEK = 39  # libsndfile's error where a length is unknown and the end has come
_CLAIM = re.compile(r": (\d+) \(should be (\d+)\)")  # libsndfile's log: so many bytes are claimed, so many are there
_NOTABLE_S = 0.1  # what is missing is told from here on: encoders round
# What FFmpeg may take a file for: no playlists, which name other files and addresses.
FOREIGN = "aac,ac3,aiff,amr,asf,caf,flac,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,ogg,wav"


class Sound(NamedTuple):
    """A recording while it is decoded."""

    sample_rate: int  # Hz
    blocks: Iterator[np.ndarray]  # float32 [n, channels] each


def read(path: str | Path, warn: Warn, most_s: float) -> tuple[np.ndarray, int]:
    """As `audio.read`."""
    with opened(path) as file, mended(file, str(path)) as (whole, hidden):
        if hidden:
            warn(f"its header leaves out {hidden} bytes of sound, which are read as well")
        sound = _sound(whole, path, warn)
        if sound.sample_rate <= 0:
            raise AudioError("corrupt", f"cannot read {path}: a sample rate of {sound.sample_rate} Hz")
        samples, rate = _collected(sound, most_s)
    return levelled(samples, warn), rate


def _collected(sound: Sound, most_s: float) -> tuple[np.ndarray, int]:
    """All samples, mixed; resampled to 16 kHz while they come if they are many."""
    rate, held, count = sound.sample_rate, [np.zeros(0, np.float32)], 0
    blocks = _limited((mix(block) for block in sound.blocks if len(block)), rate, most_s)
    while count <= LONGEST_S * rate and (block := next(blocks, None)) is not None:
        held.append(block)
        count += len(block)
    check_not_empty(count / rate)
    if count > LONGEST_S * rate:
        whole = chain(held, blocks)
        return np.concatenate(list(whole if rate == SAMPLE_RATE else _resampled(whole, check_rate(rate)))), SAMPLE_RATE
    return np.concatenate(held), rate


def _limited(blocks: Iterable[np.ndarray], rate: int, most_s: float) -> Iterator[np.ndarray]:
    count = 0
    for block in blocks:
        count += len(block)
        if count > most_s * rate:
            raise AudioError(
                "too_long", f"the recording lasts more than {most_s:g} s, more are not taken; cut it into shorter files"
            )
        yield block


def _sound(file: BinaryIO, path: str | Path, warn: Warn) -> Sound:
    """By libsndfile, or what it does not know by FFmpeg."""
    if not file.read(1):
        raise AudioError("empty", f"{path} is an empty file")
    file.seek(0)
    try:
        sound = soundfile.SoundFile(file.fileno(), closefd=False)
    except (soundfile.LibsndfileError, TypeError, ValueError):
        return _foreign(file, path, warn)
    return Sound(sound.samplerate, _decoded(sound, file, path, warn))


def _decoded(sound: Any, file: BinaryIO, path: str | Path, warn: Warn) -> Iterator[np.ndarray]:
    buffer = np.empty((max(1, _BLOCK // sound.channels), sound.channels), np.float32)
    promised, count, broken, more = sound.frames, 0, "", True
    claims = [(int(a), int(b)) for a, b in _CLAIM.findall(sound.extra_info)]
    while more:
        buffer[:] = np.nan
        try:
            came = len(sound.read(out=buffer))
            more = came == len(buffer)
        except soundfile.LibsndfileError as error:  # does not say how much it decoded before: what is not NaN any more
            came, more = int(np.argmax(np.append(np.isnan(buffer).all(axis=1), True))), False
            broken = "" if error.code == _NO_SEEK else error.error_string.strip(" .")
        count += came
        yield buffer[:came].copy()
    if not count and (broken or promised):
        raise AudioError("corrupt", f"cannot read {path}: {broken or 'none of its sound can be decoded'}")
    lacking = (promised - count) / sound.samplerate if promised < _ENDLESS else 0.0
    share = max([1 - there / claim for claim, there in claims if there < claim < STREAMED], default=0.0)
    lacking = max(lacking, count / sound.samplerate * share / max(1 - share, 1e-9))
    if lacking > _NOTABLE_S:
        warn(f"it was cut: {lacking:.1f} s of {lacking + count / sound.samplerate:.1f} s are missing")
    elif broken or (sound.format == "OGG" and not _ends(file)):
        warn(f"it was cut: {count / sound.samplerate:.1f} s of it are there")


def _ends(file: BinaryIO) -> bool:
    """Whether the last page of an Ogg file says that it is the last, and is whole (RFC 3533)."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 0x20000))  # a page has less than 64 KiB
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    return len(page) > 26 and bool(page[5] & 4) and len(page) >= 27 + page[26] + sum(segments)


def _foreign(file: BinaryIO, path: str | Path, warn: Warn) -> Sound:
    """What phones record: m4a, aac, amr, webm, ... by FFmpeg's libraries, where PyAV has them."""
    convert = f"ffmpeg -i {shlex.quote(str(path))} recording.wav"
    try:
        import av
    except ImportError:
        raise AudioError(
            "corrupt",
            f"cannot read {path}: it is none of wav, flac, ogg, opus, mp3, aiff, au; for m4a, aac, amr and webm "
            f"`pip install 'gr-deepsc[formats]'`, or convert it: `{convert}`",
        ) from None
    try:  # by the number of the open file: of a Python file PyAV prints errors that it drops
        container = av.open(f"file:/dev/fd/{file.fileno()}", mode="r", options={"format_whitelist": FOREIGN})
        stream = container.streams.audio[0]
        rate = stream.rate  # AttributeError where its codec is unknown
    except (av.FFmpegError, AttributeError, IndexError, OSError, ValueError) as error:
        reason = "there is no sound in it" if isinstance(error, IndexError) else "it is no recording that is known here"
        raise AudioError("corrupt", f"cannot read {path}: {reason}; if it is one, try `{convert}`") from None

    def blocks() -> Iterator[np.ndarray]:
        packed = av.AudioResampler(format="flt", rate=rate)
        count = 0
        try:
            for frame in container.decode(stream):
                for part in packed.resample(frame):
                    count += part.samples
                    yield part.to_ndarray().reshape(part.samples, -1)
        except (av.FFmpegError, OSError, ValueError) as error:
            if not count:
                raise AudioError("corrupt", f"cannot read {path}: none of its sound can be decoded") from error
            warn(f"it was cut: {count / rate:.1f} s of it are there")
        finally:
            container.close()

    return Sound(rate, blocks())


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
