"""The modem's samples, 4 a symbol, into files: SigMF recordings, and wav in the audio band."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from gr_deepsc.files import Beside
from gr_deepsc.phy.resample import Mixer
from gr_deepsc.radio.iqfile import IqWriter
from gr_deepsc.radio.profiles import DEFAULT, PROFILES, Profile
from gr_deepsc.radio.recordings.baseband import check_room, made_resampler

from ..errors import HostError
from .wav import WavFile


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

    The files are there when it ends, and not after an error: what lay there before is kept then.

    Args:
        path: NAME.wav for the audio profile, 16 bits; any SigMF name for the others.
        datatype: as of `IqWriter`.

    Raises:
        IqFileError: bad_rate.
        FileError: it cannot be written.
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
        self._file: IqWriter | WavFile
        with ExitStack() as files:
            beside = files.enter_context(Beside(path))
            self._file = (
                files.enter_context(WavFile(beside.path, round(profile.sample_rate)))
                if is_wav(path)
                else IqWriter(
                    *(beside.path, profile.sample_rate, None, description),
                    datatype=datatype,
                    facts={"symbol_rate": profile.symbol_rate, "offset": profile.offset},
                )
            )
            self._files = files.pop_all()

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
        with self._files:
            self._put(self._resampler.flush())
            if isinstance(self._file, IqWriter):  # a wav has no place for marks
                for mark in self._marks:
                    self._file.annotate(*mark)
                self._file.close()
        self.clipped = self._file.clipped

    def _put(self, samples: np.ndarray) -> None:
        samples = self._mixer.push(samples)
        self.samples += len(samples)
        self._file.write(samples if isinstance(self._file, IqWriter) else samples.real)

    def __enter__(self) -> "BasebandWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif not self._closed:
            self._closed = True
            self._files.__exit__(kind, error, trace)
