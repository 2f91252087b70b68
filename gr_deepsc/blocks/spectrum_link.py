"""Spectrum Link: what a receiver hears, as power spectra to those who watch over ZeroMQ."""

import numpy as np
import zmq
from gnuradio import gr

from ..link.addresses import SPECTRUM_ADDRESS
from ..link.sockets import Bound, InUseError
from ..link.spectrum import BINS, measured, pack
from .stretches import Stretches

A_SECOND = 8  # spectra
LONGEST = 1 << 16  # samples that are looked at for one of them, at most: the newest


class SpectrumLink(gr.sync_block):
    """Publishes `A_SECOND` power spectra a second of a stream, each of all since the last: a short burst is in one.

    Port: complex samples in, full scale 1.0. Whoever listens too slowly misses some. The counter `published` tells
    how many went out. Where another flowgraph listens at the address already, none go: a receiver without spectra is
    better than none.
    """

    def __init__(
        self,
        sample_rate: float = 200_000.0,
        center_hz: float = 0.0,
        address: str = SPECTRUM_ADDRESS,
        curve_key: str = "",
    ) -> None:
        """`sample_rate`, `center_hz`: of the stream, Hz; the others as of the Result Link.

        Raises:
            LinkError: an address that cannot be bound, though nobody else has it; says what to do.
            ValueError: the rate is not positive.
        """
        gr.sync_block.__init__(self, name="Spectrum Link", in_sig=[np.complex64], out_sig=None)
        if not sample_rate > 0:
            raise ValueError(f"a sample rate of {sample_rate} Hz: it must be above 0")
        self.published = 0
        self._sample_rate, self._center_hz = float(sample_rate), float(center_hz)
        self._stretches = Stretches(max(BINS, round(sample_rate / A_SECOND)))
        self._bound: Bound | None = None
        try:
            self._bound = Bound("pub", address, curve_key)
        except InUseError as error:
            self.logger.warn(f"no spectra for those who watch: {error}")

    def start(self):
        """Open the socket again after a stop."""
        if self._bound:
            self._bound.open()
        return True

    def stop(self):
        """Free the address."""
        if self._bound:
            self._bound.close()
        return True

    def work(self, input_items, output_items):
        if self._bound:
            for stretch in self._stretches.push(input_items[0]):
                self._publish(stretch[-LONGEST:])
        return len(input_items[0])

    def _publish(self, samples: np.ndarray) -> None:
        assert self._bound
        try:
            self._bound.socket.send_multipart(pack(measured(samples, self._sample_rate, self._center_hz)))
            self.published += 1
        except zmq.ZMQError as error:  # a flowgraph must not end because nobody can watch it
            self.logger.error(f"spectrum not sent: {error}")
