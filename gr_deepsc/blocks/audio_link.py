"""Audio Link: audio chunks from hosts over ZeroMQ in, one audio PDU an utterance out."""

import threading
import time

import pmt
import zmq
from gnuradio import gr
from zmq.utils.monitor import recv_monitor_message

from ..link.addresses import AUDIO_ADDRESS
from ..link.assembler import Assembler, Utterance
from ..link.owners import Owners
from ..link.protocol import ProtocolError, unpack
from ..link.sockets import Bound, connection, receive
from .pdu import failure, put

POLL_MS = 100
REPORTS_A_SECOND = 20  # of bad messages; more are counted, not published, so that no flood piles up behind


class AudioLink(gr.basic_block):
    """Binds a ZeroMQ PULL socket and speaks protocol 1 (gr_deepsc/link/protocol.py).

    Ports: `audio` out (with the metadata `partial` what came so far of an utterance that goes on), `failed` out for
    messages and utterances that break the protocol, and for those of a session that is another sender's. The counters
    `received` (utterances) and `refused` (bad messages) tell how it goes.
    """

    def __init__(self, address: str = AUDIO_ADDRESS, curve_key: str = ""):
        """`address`: loopback, or any with `curve_key`, a folder made by `deepsc keys`.

        Raises:
            LinkError: an address that cannot be bound; says what to do.
        """
        gr.basic_block.__init__(self, name="Audio Link", in_sig=None, out_sig=None)
        for port in ("audio", "failed"):
            self.message_port_register_out(pmt.intern(port))
        self.received = self.refused = 0
        self._assembler = Assembler()
        self._reports, self._reports_at = 0, 0.0
        self._thread: threading.Thread | None = None
        self._owners, self._looked = Owners(), 0.0
        self._bound = Bound("pull", address, curve_key, zmq.EVENT_DISCONNECTED)

    def start(self):
        """Listen; also after a stop."""
        self._bound.open()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="audio link", daemon=True)
        self._thread.start()
        return True

    def stop(self):
        """Stop listening and free the address."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None
        self._bound.close()
        return True

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._bound.socket.poll(POLL_MS):
                    self._take(*receive(self._bound.socket, zmq.NOBLOCK))
            except ProtocolError as error:
                self._refuse(error)
            except zmq.Again:
                pass  # the message was withdrawn between poll and receive
            except Exception as error:  # a defect here must not deafen the radio
                self._refuse(ProtocolError(f"the message could not be handled: {error}", "internal"))
            for dropped in self._assembler.abandoned():
                self._refuse(dropped)
            self._look_around()

    def _take(self, frames: list[bytes], peer: str) -> None:
        header, payload = unpack(frames)
        self._owners.claim(header["session"], peer)
        utterance = self._assembler.push(header, payload)
        if utterance is not None:
            self._publish(utterance)

    def _look_around(self) -> None:
        """See who went, and now and then whose key is gone."""
        while self._bound.monitor.poll(0):
            self._owners.release(connection(recv_monitor_message(self._bound.monitor)["value"]))
        now = time.monotonic()
        if now - self._looked >= 1:
            self._looked = now
            self._bound.turn_out()

    def _publish(self, utterance: Utterance) -> None:
        self.received += not utterance.partial
        meta = put(
            pmt.make_dict(),
            session=utterance.session,
            seq=utterance.seq,
            user_id=utterance.user_id,
            sample_rate=utterance.sample_rate,
            linked=True,
            partial=utterance.partial or None,
        )
        vector = pmt.init_f32vector(len(utterance.samples), utterance.samples.tolist())
        self.message_port_pub(pmt.intern("audio"), pmt.cons(meta, vector))

    def _refuse(self, error: ProtocolError) -> None:
        self.refused += 1
        now = time.monotonic()
        if now - self._reports_at >= 1:
            self._reports, self._reports_at = 0, now
        self._reports += 1
        if self._reports > REPORTS_A_SECOND:
            return
        self.logger.warn(f"message {self.refused} refused ({error.error_type}): {error}")
        meta = put(pmt.make_dict(), session=error.session, seq=error.seq, user_id=error.user_id)
        self.message_port_pub(pmt.intern("failed"), failure(meta, error.error_type, str(error)))
