"""Speech Segmenter: a stream of samples in, one audio PDU an utterance out."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from ..speech import segment
from ..speech.audio import LONGEST_S
from .pdu import put


class SpeechSegmenter(gr.sync_block):
    """Cuts speech into utterances by energy above an adaptive noise floor, or on request.

    Ports: float stream in (full scale 1.0); message `end` in ends the open utterance now, whatever the message is;
    message `audio` out. Parameters as of `gr_deepsc.speech.segment.Segmenter`. The metadata is `session`, `seq`
    (counting from 0), `user_id` and `sample_rate`; and `partial` true where somebody is still speaking: the PDU is what
    there is so far of the utterance, and more of the same `seq` follow, the whole of it at last.

    GNU Radio ends the blocks behind a stream that ends before the last utterance could reach them: let the
    stream end in `hangover_s` of silence, or send `end` first. A stream that does not is complained of.
    """

    def __init__(
        self,
        sample_rate: float = 16_000,
        threshold_db: float = 12.0,
        hangover_s: float = 0.6,
        max_seconds: float = LONGEST_S,
        session: str = "stream",
        user_id: int = 0,
        partial_s: float = segment.PARTIAL_S,
    ):
        """Errors as of `Segmenter`."""
        gr.sync_block.__init__(self, name="Speech Segmenter", in_sig=[np.float32], out_sig=None)
        self.segmenter = segment.Segmenter(int(sample_rate), threshold_db, hangover_s, max_seconds, partial_s)
        self.meta = put(pmt.make_dict(), session=session, user_id=user_id, sample_rate=float(sample_rate))
        self.seq = 0
        self.message_port_register_in(pmt.intern("end"))
        self.message_port_register_out(pmt.intern("audio"))
        self.set_msg_handler(pmt.intern("end"), self._end)

    def set_threshold_db(self, threshold_db: float) -> None:
        """dB above the noise floor, from the next samples on."""
        self.segmenter.threshold_db = threshold_db

    def work(self, input_items, output_items):
        try:
            self._publish(self.segmenter.steps(input_items[0]))
        except Exception as error:  # out of work() it would hang the flowgraph for ever
            self.logger.error(f"speech segmenter stopped: {error}")
            return -1
        return len(input_items[0])

    def stop(self):
        """Complain of a stream that ended in the middle of an utterance."""
        for samples in self.segmenter.flush():
            seconds = len(samples) / self.segmenter.sample_rate
            self.logger.warn(f"the stream ended in an utterance: its {seconds:.1f} s are lost; end in silence")
        return True

    def _end(self, _message: Any) -> None:
        try:
            self._publish((samples, True) for samples in self.segmenter.flush())
        except Exception as error:  # a message handler that raises ends the block's thread without a word
            self.logger.error(f"speech segmenter could not end the utterance: {error}")

    def _publish(self, utterances: Iterable[tuple[np.ndarray, bool]]) -> None:
        for samples, whole in utterances:
            vector = pmt.init_f32vector(len(samples), samples.tolist())
            meta = put(self.meta, seq=self.seq, partial=None if whole else True)
            self.message_port_pub(pmt.intern("audio"), pmt.cons(meta, vector))
            self.seq += whole
