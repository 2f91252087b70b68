"""Audio File Source: a recording of a radio's audio in, and silence when it has ended."""

import numpy as np
import soundfile
from gnuradio import gr

from ..speech.audio import AudioError


class AudioFileSource(gr.sync_block):
    """Plays a file once and then zeros for ever, as a sound card whose radio hears nothing any more.

    A stream that ends would take the last burst with it: filters and the receiver still hold a part of it then, and
    GNU Radio ends the blocks behind the stream before a text could reach them.

    Ports: float samples out, full scale 1.0, the channels averaged. It is as fast as the blocks behind it.
    `ended` says whether the file is through.
    """

    def __init__(self, path: str, sample_rate: float = 48_000.0):
        """`path`: any format of libsndfile. `sample_rate` (Hz): what the flowgraph is made for.

        Raises:
            AudioError: missing, bad_format or bad_rate.
        """
        gr.sync_block.__init__(self, name="Audio File Source", in_sig=None, out_sig=[np.float32])
        try:
            self._file = soundfile.SoundFile(path)
        except (soundfile.LibsndfileError, OSError) as error:
            raise AudioError("missing", f"{path} cannot be read: {error}") from None
        if self._file.samplerate != sample_rate:
            raise AudioError(
                "bad_rate",
                f"{path} has {self._file.samplerate} samples a second, the flowgraph takes {sample_rate:g}; "
                "resample it",
            )
        self.ended = False
        self.error: Exception | None = None

    def work(self, input_items, output_items):
        out = output_items[0]
        try:
            read = 0 if self.ended else self._read(out)
        except Exception as error:  # GNU Radio would hang on it
            self.error = error
            self.logger.error(f"stopped: {error}")
            return -1
        out[read:] = 0
        return len(out)

    def _read(self, out: np.ndarray) -> int:
        samples = self._file.read(len(out), "float32", always_2d=True)
        if len(samples) < len(out):
            self.ended = True
            self._file.close()
        out[: len(samples)] = np.nan_to_num(samples).mean(axis=1)
        return len(samples)
