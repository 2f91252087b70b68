"""IQ File Source: a SigMF recording in, complex samples out."""

from collections.abc import Iterator

import numpy as np
import pmt
from gnuradio import gr

from ..radio.iqfile import IqFileError, IqReader

CHUNK = 1 << 16  # samples read at a time
LEAD_S, SILENCE_S = 1.0, 4.0
# Behind a recording: more than the buffers up to the Burst Receiver hold (2.6 s in the DeepSC Receiver), so that the
# message from `ended`, which overtakes samples, overtakes nothing but silence.


class IqFileSource(gr.sync_block):
    """Silence, the recording once, silence; then a message from `ended`, and the stream ends.

    Ports: complex samples out; `ended` out, for the receiver's `flush`. `meta` says what the recording is.
    """

    def __init__(self, path: str, sample_rate: float, lead: float = LEAD_S, silence: float = SILENCE_S):
        """`path`: NAME or either file of the pair. `sample_rate` (Hz): what the flowgraph is made for.

        `lead`, `silence`: seconds of zeros before and after; hosts subscribe to results during the first.

        Raises:
            IqFileError: no readable recording, or bad_rate.
            ValueError: a negative time.
        """
        gr.sync_block.__init__(self, name="IQ File Source", in_sig=None, out_sig=[np.complex64])
        if lead < 0 or silence < 0:
            raise ValueError(f"{lead} s of silence before, {silence} s after: they must be 0 or more")
        reader = IqReader(path)
        self.meta = reader.meta
        if abs(self.meta.sample_rate / sample_rate - 1) > 1e-6:
            raise IqFileError(
                "bad_rate",
                f"{self.meta.path} has {self.meta.sample_rate:g} samples a second, the flowgraph is set to "
                f"{sample_rate:g}; set its sample rate to that of the recording, or resample the recording",
            )
        self.message_port_register_out(pmt.intern("ended"))
        self._pieces = self._read(reader, round(lead * sample_rate), round(silence * sample_rate))
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

    @staticmethod
    def _read(reader: IqReader, lead: int, silence: int) -> Iterator[np.ndarray]:
        yield from _zeros(lead)
        yield from reader.chunks(CHUNK)
        yield from _zeros(silence)


def _zeros(count: int) -> Iterator[np.ndarray]:
    for first in range(0, count, CHUNK):
        yield np.zeros(min(CHUNK, count - first), np.complex64)
