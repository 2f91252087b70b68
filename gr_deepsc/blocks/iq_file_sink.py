"""IQ File Sink: complex samples in, a SigMF recording out."""

import numpy as np
import pmt
from gnuradio import gr

from ..radio.iqfile import IqWriter

GUARD_S = 0.1


class IqFileSink(gr.sync_block):
    """Writes what it gets; the recording can be read whatever ends the process, and is complete after `stop`.

    Bursts that the tags `tx_sob` and `tx_eob` mark become annotations, with a guard of silence before and after each.
    GNU Radio's PDU to Stream tags several that come at once as one.

    Port: complex samples in. `sample_count` and `bursts` tell how it goes.
    """

    def __init__(
        self,
        path: str,
        sample_rate: float,
        center_frequency: float = 0.0,
        description: str = "",
        datatype: str = "cf32_le",
        guard: float = GUARD_S,
    ):
        """`path`: NAME; the endings are added, and a recording of that name is replaced.

        `sample_rate`, `center_frequency` in hertz, 0 where there is no carrier. `datatype`: one of `iqfile.WRITABLE`.
        `guard`: seconds of zeros before and after each tagged burst.

        Raises:
            IqFileError: the recording cannot be written like this, or there.
            ValueError: a negative guard.
        """
        gr.sync_block.__init__(self, name="IQ File Sink", in_sig=[np.complex64], out_sig=None)
        if guard < 0:
            raise ValueError(f"a guard of {guard} s: it must be 0 or more")
        self._writer = IqWriter(path, sample_rate, center_frequency or None, description, datatype=datatype)
        self._guard = np.zeros(round(guard * sample_rate), np.complex64)
        self._start = 0  # of the burst that is being written
        self.bursts = 0
        self.error: Exception | None = None

    @property
    def sample_count(self) -> int:
        """Samples written, guards included."""
        return self._writer.sample_count

    def work(self, input_items, output_items):
        samples = input_items[0]
        try:
            self._write(samples)
            return len(samples)
        except Exception as error:  # GNU Radio would hang on it
            self.error = error
            self.logger.error(f"stopped: {error}")
            return -1

    def stop(self):
        """Complete the recording."""
        self._writer.close()
        return True

    def _write(self, samples: np.ndarray) -> None:
        written = 0
        for tag in sorted(self.get_tags_in_window(0, 0, len(samples)), key=lambda tag: tag.offset):
            place, key = tag.offset - self.nitems_read(0), pmt.symbol_to_string(tag.key)
            if key == "tx_sob":
                self._writer.write(samples[written:place])
                self._writer.write(self._guard)
                self._start, written = self.sample_count, place
            elif key == "tx_eob":
                self._writer.write(samples[written : place + 1])
                self._writer.annotate(self._start, self.sample_count - self._start, "burst")
                self._writer.write(self._guard)
                self.bursts, written = self.bursts + 1, place + 1
        self._writer.write(samples[written:])
