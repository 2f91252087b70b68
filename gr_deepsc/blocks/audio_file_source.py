"""Audio File Source: a recording of a radio's audio in, and silence when it has ended."""

import numpy as np
from gnuradio import gr

from ..radio.iqfile import IqFileError
from ..radio.recordings import open_recording
from ..radio.recordings.baseband import PIECE, made_resampler


class AudioFileSource(gr.sync_block):
    """Plays a file once and then zeros for ever, as a sound card whose radio hears nothing any more.

    A stream that ends would take the last burst with it: filters and the receiver still hold a part of it then, and
    GNU Radio ends the blocks behind the stream before a text could reach them.

    Ports: float samples out, full scale 1.0, of several channels what `deepsc play` takes. It is as fast as the blocks
    behind it. `ended` says whether the file is through.
    """

    def __init__(self, path: str, sample_rate: float = 48_000.0):
        """`path`: any file of audio that `deepsc play` reads, of any rate. `sample_rate` (Hz): what comes out.

        Raises:
            IqFileError: no readable recording, bad_rate, or bad_format of one that is I and Q.
        """
        gr.sync_block.__init__(self, name="Audio File Source", in_sig=None, out_sig=[np.float32])
        self.recording = open_recording(path)
        if not self.recording.real:
            raise IqFileError(
                "bad_format", f"{path} is I and Q, not audio; play it by the flowgraph iq_rx, with --symbol-rate 1200"
            )
        self._resampler = made_resampler(path, sample_rate / self.recording.sample_rate)
        self._pieces, self._rest = self._read(), np.zeros(0, np.float32)
        self.ended = False
        self.error: Exception | None = None

    def work(self, input_items, output_items):
        out = output_items[0]
        try:
            while not (self.ended or len(self._rest)):
                self._rest = next(self._pieces)
        except StopIteration:
            self.ended = True
        except Exception as error:  # GNU Radio would hang on it
            self.error = error
            self.logger.error(f"stopped: {error}")
            return -1
        count = min(len(out), len(self._rest)) or len(out)
        part, self._rest = self._rest[:count], self._rest[count:]
        out[:count] = 0 if self.ended else part
        return count

    def _read(self):
        """float32 [n] at the flowgraph's rate, until the file has ended."""
        for piece in self.recording.blocks(PIECE):
            for warning in self.recording.warnings.untold():
                self.logger.warn(warning)
            yield self._resampler.push(piece.astype(np.complex64)).real
        yield self._resampler.flush().real
