"""The modem's samples, 4 a symbol, and the files they are kept in: SigMF recordings, and wav in the audio band."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gr_deepsc.phy.pulse import ROLL_OFF, SAMPLES_PER_SYMBOL
from gr_deepsc.phy.resample import Mixer, Resampler
from gr_deepsc.radio.iqfile import IqFileError, IqReader, IqWriter
from gr_deepsc.radio.profiles import DEFAULT, PROFILES, Profile

from ..errors import HostError

PIECE = 1 << 17  # samples of a file in memory at a time


def profile_of(path: str, name: str | None) -> Profile:
    """The profile by its name, or the one that a file's ending suggests.

    Raises:
        HostError: a wav holds the audio band and nothing else does.
    """
    wav = is_wav(path)
    name = name or ("audio" if wav else DEFAULT)
    if wav != (name == "audio"):
        raise HostError(f"{path}: the profile audio makes NAME.wav, the others SigMF, NAME.sigmf-meta; this is {name}")
    return PROFILES[name]


def is_wav(path: str) -> bool:
    """Whether a file holds the audio band."""
    return Path(path).suffix.lower() == ".wav"


class BasebandWriter:
    """Takes the modem's samples and writes them at the rate and offset of a profile; use it in a `with`.

    Args:
        path: NAME.wav for the audio profile, 16 bits; any SigMF name for the others.
        datatype: as of `IqWriter`.

    Raises:
        IqFileError: bad_rate, or the file cannot be written.
    """

    def __init__(self, path: str, profile: Profile, datatype: str = "cf32_le", description: str = "") -> None:
        self._profile, self._closed = profile, False
        check_room(path, profile.symbol_rate, profile.offset, profile.sample_rate)
        # A wav is real: noise that lies below 0 Hz would come up again above it, on top of what is there.
        share = min(1.0, abs(profile.offset) / (profile.baseband_rate / 2)) if is_wav(path) else 1.0
        self._resampler = _resampler(path, profile.sample_rate / profile.baseband_rate, share)
        self._mixer = Mixer(profile.offset / profile.sample_rate)
        self.samples = self.clipped = 0
        self._marks: list[tuple[int, int, str, str]] = []
        self._file: IqWriter | _WavWriter = (
            _WavWriter(path, profile.sample_rate)
            if is_wav(path)
            else IqWriter(path, profile.sample_rate, None, description, datatype=datatype)
        )

    def write(self, samples: np.ndarray) -> None:
        """complex64 [n], 4 a symbol, full scale 1."""
        self._put(self._resampler.push(samples))

    def mark(self, start: int, count: int, label: str, comment: str) -> None:
        """Annotate `count` samples of the modem's from its sample `start` on."""
        scale = self._profile.sample_rate / self._profile.baseband_rate
        self._marks.append((round(start * scale), round(count * scale), label, comment))

    def close(self) -> None:
        """Write what is left, and the metadata; again: nothing."""
        if self._closed:
            return
        self._closed = True
        self._put(self._resampler.flush())
        for mark in self._marks:
            self._file.annotate(*mark)
        self._file.close()
        self.clipped = self._file.clipped

    def _put(self, samples: np.ndarray) -> None:
        samples = self._mixer.push(samples)
        self.samples += len(samples)
        self._file.write(samples)

    def __enter__(self) -> "BasebandWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _WavWriter:
    """The real part of samples as 16-bit wav: what of an `IqWriter` is needed here."""

    def __init__(self, path: str, sample_rate: float) -> None:
        import soundfile  # here, so that whoever writes SigMF needs no libsndfile

        self.clipped = 0
        try:
            self._wav = soundfile.SoundFile(path, "w", round(sample_rate), 1, "PCM_16")
        except soundfile.LibsndfileError as error:
            raise IqFileError("unwritable", f"cannot write {path}: {error.error_string}") from None

    def write(self, samples: np.ndarray) -> None:
        self.clipped += int(np.count_nonzero(np.abs(samples.real) > 1))
        self._wav.write(np.clip(samples.real, -1, 1))

    def annotate(self, *mark: object) -> None:
        """A wav has no place for it."""

    def close(self) -> None:
        self._wav.close()


class BasebandReader:
    """The modem's samples out of a file, whatever its rate; memory is that of a piece.

    Args:
        path: .wav, or a SigMF name.
        symbol_rate: Hz.
        offset: of the signal's carrier from the file's centre, Hz; in a wav from 0.

    Raises:
        IqFileError: as `gr_deepsc.radio.iqfile.read`; bad_rate where the file is too slow for the signal, or its rate
            has no simple ratio to the modem's.
    """

    def __init__(self, path: str, symbol_rate: float, offset: float) -> None:
        self._path, self._offset = path, offset
        self.baseband_rate = SAMPLES_PER_SYMBOL * symbol_rate
        self.sample_rate: float
        self._iq: IqReader | None = None
        if is_wav(path):
            self.sample_rate, self.sample_count = _wav_size(path)
        else:
            self._iq = IqReader(path)
            self.sample_rate, self.sample_count = self._iq.meta.sample_rate, self._iq.meta.sample_count
        check_room(path, symbol_rate, offset, self.sample_rate)
        self._resampler = _resampler(path, self.baseband_rate / self.sample_rate)

    def chunks(self) -> Iterator[tuple[int, np.ndarray]]:
        """How many samples of the file were read, and the modem's samples that they gave, complex64 [n]; once.

        Raises:
            IqFileError: not_finite; truncated or unreadable, where the file changed after it was opened.
        """
        mixer = Mixer(-self._offset / self.sample_rate)
        for piece in _wav_pieces(self._path) if self._iq is None else self._iq.chunks(PIECE):
            yield len(piece), self._resampler.push(mixer.push(piece))
        yield 0, self._resampler.flush()


def check_room(path: str, symbol_rate: float, offset: float, sample_rate: float) -> None:
    """Refuse a signal that lies, wholly or in part, beyond half the sample rate of a file, or in a wav below 0; in Hz.

    Raises:
        IqFileError: bad_rate.
    """
    edge = (1 + ROLL_OFF) * symbol_rate / 2  # of the signal, from its carrier
    if abs(offset) + edge > sample_rate / 2 or (is_wav(path) and abs(offset) < edge):
        raise IqFileError(
            "bad_rate",
            f"{path} has {sample_rate:g} samples a second: no room for a signal of {symbol_rate:g} symbols a second "
            f"at {offset:g} Hz; see --profile and --symbol-rate",
        )


def _resampler(path: str, ratio: float, share: float = 1.0) -> Resampler:
    try:
        return Resampler(ratio, share)
    except ValueError as error:
        raise IqFileError("bad_rate", f"{path}: {error}") from None


def _wav_size(path: str) -> tuple[int, int]:
    with _wav(path) as wav:
        if not wav.frames:
            raise IqFileError("truncated", f"{path} has no samples")
        return wav.samplerate, wav.frames


def _wav_pieces(path: str) -> Iterator[np.ndarray]:
    with _wav(path) as wav:
        while len(piece := wav.read(PIECE, dtype="float32", always_2d=True)):
            mono = piece.mean(axis=1)
            if not np.isfinite(mono).all():
                raise IqFileError("not_finite", f"{path} has NaN or infinite samples; repair or re-record it")
            yield mono


def _wav(path: str) -> Any:
    import soundfile  # here, so that whoever reads SigMF needs no libsndfile

    if not Path(path).is_file():
        raise IqFileError("missing", f"no file {path}")
    try:
        return soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise IqFileError("unreadable", f"cannot read {path}: {error.error_string.rstrip('.')}") from None
