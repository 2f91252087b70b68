"""IQ File Source: a recording in, complex samples at the flowgraph's own rate out."""

from collections.abc import Iterator

import numpy as np
import pmt
from gnuradio import gr

from ..phy.pulse import SAMPLES_PER_SYMBOL
from ..radio.iqfile import IqFileError
from ..radio.recordings import Baseband, Hints, Recording, open_recording
from ..radio.recordings.baseband import tuned, usual

CHUNK = 1 << 16  # samples of silence at a time
LEAD_S, SILENCE_S = 1.0, 4.0
# Behind a recording: more than the buffers up to the Burst Receiver hold (2.6 s in the DeepSC Receiver), so that the
# message from `ended`, which overtakes samples, overtakes nothing but silence.


class IqFileSource(gr.sync_block):
    """Silence, the recording once, silence; then a message from `ended`, and the stream ends.

    Whatever `deepsc play` reads, of any rate: it is shifted and resampled here, by the same code.

    Ports: complex samples out; `ended` out, for the receiver's `flush`. `recording` says what it is.
    """

    def __init__(
        self,
        path: str,
        sample_rate: float,
        lead: float = LEAD_S,
        silence: float = SILENCE_S,
        offset: float = 0.0,
        frequency: float = 0.0,
        recorded_rate: float = 0.0,
        datatype: str = "",
    ):
        """`sample_rate` (Hz): what comes out, 4 samples a symbol.

        `lead`, `silence`: seconds of zeros before and after; hosts subscribe to results during the first.
        `offset`: Hz of the signal from the recording's centre, 0 for what the recording says, else its centre (in audio
        1500 Hz). `frequency`: where the signal is on the air instead, Hz, if the recording says where its centre is.
        `recorded_rate`, `datatype`: of samples without a header.

        Raises:
            IqFileError: no readable recording, or bad_rate: no room for a burst in it, or bursts of another rate.
            ValueError: a negative time.
        """
        gr.sync_block.__init__(self, name="IQ File Source", in_sig=None, out_sig=[np.complex64])
        if lead < 0 or silence < 0:
            raise ValueError(f"{lead} s of silence before, {silence} s after: they must be 0 or more")
        self.recording = open_recording(path, Hints(recorded_rate or None, datatype or None))
        symbol_rate = sample_rate / SAMPLES_PER_SYMBOL
        if (said := self.recording.symbol_rate) and abs(said / symbol_rate - 1) > 1e-6:
            raise IqFileError("bad_rate", f"{path} has {said:g} symbols a second, the flowgraph takes {symbol_rate:g}")
        offset = tuned(self.recording, frequency) if frequency else offset or _offset(self.recording)
        baseband = Baseband(self.recording, sample_rate, symbol_rate, offset)
        self.message_port_register_out(pmt.intern("ended"))
        self._pieces = self._read(baseband, round(lead * sample_rate), round(silence * sample_rate))
        self._rest: np.ndarray = np.zeros(0, np.complex64)
        self.error: Exception | None = None

    def work(self, input_items, output_items):
        out = output_items[0]
        try:
            while not len(self._rest):
                self._rest = next(self._pieces)
        except StopIteration:
            self.message_port_pub(pmt.intern("ended"), pmt.PMT_T)
            return -1
        except Exception as error:  # GNU Radio would hang on it
            self.error = error
            self.logger.error(f"stopped: {error}")
            return -1
        count = min(len(out), len(self._rest))
        out[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def _read(self, baseband: Baseband, lead: int, silence: int) -> Iterator[np.ndarray]:
        yield from _zeros(lead)
        for _, samples in baseband.chunks():
            for warning in self.recording.warnings.untold():
                self.logger.warn(warning)
            yield samples
        yield from _zeros(silence)


def _offset(recording: Recording) -> float:
    """Hz of the signal where nobody says: in I and Q of others the centre, however narrow they are."""
    return usual(recording).offset if recording.real or recording.offset is not None else 0.0


def _zeros(count: int) -> Iterator[np.ndarray]:
    for first in range(0, count, CHUNK):
        yield np.zeros(min(CHUNK, count - first), np.complex64)
