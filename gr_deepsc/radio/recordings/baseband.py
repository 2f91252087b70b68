"""The modem's samples out of a recording of any rate: the signal at 0 Hz, as many samples a second as are wanted."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...phy.interpolate import Stream, resampler
from ...phy.pulse import ROLL_OFF
from ...phy.resample import Mixer
from ..iqfile.common import IqFileError
from ..profiles import DEFAULT, PROFILES, Profile
from .recording import Recording

PIECE = 1 << 17  # samples of a file in memory at a time


class Baseband:
    """Samples of a recording, shifted and resampled; memory is that of a piece.

    Args:
        sample_rate: of what comes out, Hz.
        symbol_rate: of the signal, Hz.
        offset: of the signal's carrier from the recording's centre, Hz; of real samples from 0.

    Raises:
        IqFileError: bad_rate, where the recording is too slow for the signal, or far too fast.
    """

    def __init__(self, recording: Recording, sample_rate: float, symbol_rate: float, offset: float) -> None:
        self.recording, self.sample_rate, self.offset = recording, sample_rate, offset
        check_room(recording.path, symbol_rate, offset, recording.sample_rate, recording.real)
        self._resampler = made_resampler(recording.path, sample_rate / recording.sample_rate)

    def chunks(self) -> Iterator[tuple[int, np.ndarray]]:
        """How many samples of the recording were read, and what they gave, complex64 [n]; once.

        Raises:
            IqFileError: truncated or unreadable, where the file changed after it was opened.
        """
        mixer = Mixer(-self.offset / self.recording.sample_rate)
        for piece in self.recording.blocks(PIECE):
            yield len(piece), self._resampler.push(mixer.push(piece))
        yield 0, self._resampler.flush()


def usual(recording: Recording) -> Profile:
    """Where a recording has its signal if nobody says: as it says itself, or as its kind suggests."""
    wide = not recording.real and recording.sample_rate >= (1 + ROLL_OFF) * PROFILES[DEFAULT].symbol_rate
    profile = PROFILES[DEFAULT if wide else "audio"]
    symbol_rate = recording.symbol_rate or profile.symbol_rate
    if recording.symbol_rate and recording.offset is None and not recording.real:
        return profile._replace(symbol_rate=symbol_rate, offset=0.0)
    offset = profile.offset if recording.offset is None else recording.offset
    return profile._replace(symbol_rate=symbol_rate, offset=offset)


def tuned(recording: Recording, frequency: float) -> float:
    """Hz from the recording's centre to `frequency`.

    Raises:
        IqFileError: bad_metadata, where the recording does not say where its centre is.
    """
    if recording.center_frequency is None:
        raise IqFileError(
            "bad_metadata",
            f"{recording.path} does not say which frequency it was recorded at: give --offset-hz, how far the signal "
            "is from the centre, instead of --frequency",
        )
    return frequency - recording.center_frequency


def check_room(path: str | Path, symbol_rate: float, offset: float, sample_rate: float, real: bool) -> None:
    """Refuse a signal that lies, wholly or in part, beyond half the sample rate, or of real samples below 0; in Hz.

    Raises:
        IqFileError: bad_rate.
    """
    edge = (1 + ROLL_OFF) * symbol_rate / 2  # of the signal, from its carrier
    if abs(offset) + edge > sample_rate / 2 or (real and abs(offset) < edge):
        raise IqFileError(
            "bad_rate",
            f"{path} has {sample_rate:g} samples a second: no room for a signal of {symbol_rate:g} symbols a second "
            f"at {offset:g} Hz; see --profile and --symbol-rate",
        )


def made_resampler(path: str | Path, ratio: float, share: float = 1.0) -> Stream:
    """As `phy.interpolate.resampler`.

    Raises:
        IqFileError: bad_rate.
    """
    try:
        return resampler(ratio, share)
    except ValueError as error:
        raise IqFileError("bad_rate", f"{path}: {error}") from None
