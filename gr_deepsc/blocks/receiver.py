"""DeepSC Receiver: complex samples in, text PDUs out."""

from gnuradio import blocks, gr

from .burst_receiver import BurstReceiver
from .semantic_decoder import SemanticDecoder

BUFFER = 1 << 19  # samples: 2.6 s at 200 ksample/s, while a burst is decoded


class DeepscReceiver(gr.hier_block2):
    """Burst Receiver and Semantic Decoder behind a buffer; 4 samples a symbol.

    Ports: complex samples in; `text`, `failed` and `status` out; `flush` in.
    """

    def __init__(
        self,
        model: str = "default",
        symbol_rate: float = 50_000.0,
        provider: str = "CPUExecutionProvider",
        decoder: str = "auto",
        live: bool = False,
    ):
        """Errors as of `BurstReceiver` and `SemanticDecoder`."""
        gr.hier_block2.__init__(
            self, "DeepSC Receiver", gr.io_signature(1, 1, gr.sizeof_gr_complex), gr.io_signature(0, 0, 0)
        )
        self.message_port_register_hier_in("flush")
        for port in ("text", "failed", "status"):
            self.message_port_register_hier_out(port)
        # GNU Radio does not keep Python blocks alive: we do
        self.buffer = blocks.copy(gr.sizeof_gr_complex)
        self.buffer.set_min_output_buffer(BUFFER)
        self.burst_receiver, self.decoder = (
            BurstReceiver(symbol_rate, live),
            SemanticDecoder(model, provider=provider, decoder=decoder),
        )
        self.connect(self, self.buffer, self.burst_receiver)
        self.msg_connect(self, "flush", self.burst_receiver, "flush")
        self.msg_connect(self.burst_receiver, "symbols", self.decoder, "symbols")
        self.msg_connect(self.burst_receiver, "status", self, "status")
        for source, port in ((self.burst_receiver, "failed"), (self.decoder, "failed")):
            self.msg_connect(source, port, self, "failed")
        self.msg_connect(self.decoder, "text", self, "text")
