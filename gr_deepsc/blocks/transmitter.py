"""DeepSC Transmitter: audio PDUs in, complex samples out."""

from gnuradio import gr, pdu

from ..codec.rates import DEFAULT, TARGET_DB
from ..phy.framer import AUTO as SUITING
from ..reader import AUTO
from .burst_framer import BurstFramer
from .burst_source import BurstSource
from .identifier import Identifier
from .semantic_encoder import SemanticEncoder

BETWEEN_BURSTS = ("silence", "nothing")


class DeepscTransmitter(gr.hier_block2):
    """Semantic Encoder, Burst Framer and the stream, 4 samples a symbol.

    Ports: `audio` in, `failed` out, complex samples out.
    """

    def __init__(
        self,
        model: str = "default",
        level_db: float = -12.0,
        between: str = "silence",
        provider: str = "CPUExecutionProvider",
        rate: str = DEFAULT,
        target_snr_db: float = TARGET_DB,
        reader: str = AUTO,
        preamble: str = SUITING,
        call: str = "",
        identify_min: float = 10.0,
    ):
        """`between` bursts: "silence", an endless stream of zeros; or "nothing", and tags tx_sob and tx_eob.

        `rate`, `target_snr_db` and `reader` as of `gr_deepsc.codec.encode.Encoder`; `preamble` as of
        `gr_deepsc.phy.framer.Framer`; the `call` sign, if there is one, is sent every `identify_min` minutes, as of
        `Identifier`.

        Raises:
            ValueError: `between` is none of `BETWEEN_BURSTS`, or the level is out of range.
            RadioError: as of `Identifier`.
        """
        gr.hier_block2.__init__(
            self, "DeepSC Transmitter", gr.io_signature(0, 0, 0), gr.io_signature(1, 1, gr.sizeof_gr_complex)
        )
        if between not in BETWEEN_BURSTS:
            raise ValueError(f"between bursts {between!r} is none of {', '.join(BETWEEN_BURSTS)}")
        self.message_port_register_hier_in("audio")
        self.message_port_register_hier_out("failed")
        # GNU Radio does not keep Python blocks alive: we do
        self.encoder = SemanticEncoder(model, provider, rate, target_snr_db, reader)
        self.framer = BurstFramer(level_db, preamble=preamble)
        silence = between == "silence"
        self.stream = BurstSource() if silence else pdu.pdu_to_stream_c(pdu.EARLY_BURST_APPEND, 64)
        self.msg_connect(self, "audio", self.encoder, "audio")
        symbols = self.encoder
        if call:
            symbols = self.identifier = Identifier(call, identify_min, model)
            self.msg_connect(self.encoder, "symbols", self.identifier, "symbols")
        self.msg_connect(symbols, "symbols", self.framer, "symbols")
        self.msg_connect(self.framer, "bursts", self.stream, "bursts" if silence else "pdus")
        self.msg_connect(self.encoder, "failed", self, "failed")
        self.msg_connect(self.framer, "failed", self, "failed")
        self.connect(self.stream, self)

    def set_rate(self, rate: str, target_snr_db: float = TARGET_DB) -> None:
        """From the next utterance on."""
        self.encoder.set_rate(rate, target_snr_db)

    def set_level_db(self, level_db: float) -> None:
        """From the next utterance on."""
        self.framer.set_level_db(level_db)
