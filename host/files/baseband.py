"""The modem's samples, 4 a symbol, into files: SigMF recordings, and wav in the audio band."""

from pathlib import Path

import numpy as np

from gr_deepsc.phy.resample import Mixer
from gr_deepsc.radio.iqfile import IqFileError, IqWriter
from gr_deepsc.radio.profiles import DEFAULT, PROFILES, Profile
from gr_deepsc.radio.recordings.baseband import check_room, made_resampler

from ..errors import HostError


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
        check_room(path, profile.symbol_rate, profile.offset, profile.sample_rate, is_wav(path))
        # A wav is real: noise that lies below 0 Hz would come up again above it, on top of what is there.
        share = min(1.0, abs(profile.offset) / (profile.baseband_rate / 2)) if is_wav(path) else 1.0
        self._resampler = made_resampler(path, profile.sample_rate / profile.baseband_rate, share)
        self._mixer = Mixer(profile.offset / profile.sample_rate)
        self.samples = self.clipped = 0
        self._marks: list[tuple[int, int, str, str]] = []
        self._file: IqWriter | _WavWriter = (
            _WavWriter(path, profile.sample_rate)
            if is_wav(path)
            else IqWriter(
                *(path, profile.sample_rate, None, description),
                datatype=datatype,
                facts={"symbol_rate": profile.symbol_rate, "offset": profile.offset},
            )
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
