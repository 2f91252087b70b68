"""Speech Panel: samples, files and the microphone in the flowgraph's window, audio PDUs out."""

import numpy as np
import pmt
from gnuradio import gr

from ..window.speech import SpeechPanel as Buttons
from .pdu import put


class SpeechPanel(gr.basic_block):
    """What a person chooses or says there is sent. Needs a Qt application: it is for flowgraphs with a window.

    Port: `audio` out, an utterance each. `widget` is what it shows.
    """

    def __init__(self) -> None:
        gr.basic_block.__init__(self, name="Speech Panel", in_sig=None, out_sig=None)
        self.message_port_register_out(pmt.intern("audio"))
        self._seq = 0
        self.widget = Buttons(self._send)

    def _send(self, samples: np.ndarray, sample_rate: int, user_id: int) -> None:
        meta = put(pmt.make_dict(), session="window", seq=self._seq, user_id=user_id, sample_rate=sample_rate)
        self._seq += 1
        vector = pmt.init_f32vector(len(samples), samples.tolist())
        self.message_port_pub(pmt.intern("audio"), pmt.cons(meta, vector))
