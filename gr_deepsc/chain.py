"""An utterance's whole way without GNU Radio, and the only place that says in which order its stations stand.

    waveform -> Encoder -> Framer -> Path -> samples -> Listener -> Decoder -> Result

`deepsc simulate`, `record`, `play` and `bench` run it; the blocks of a flowgraph wrap the same stations one by one.

>>> from gr_deepsc.phy.air import Air, Path
>>> from gr_deepsc.speech import audio
>>> waveform = audio.check(*audio.read("tests/samples/LJ002-0045.flac"))
>>> sent = Transmitter(Encoder(), Framer(silence=8192), Path(Air("rician", es_n0_db=8), seed=3))(waveform)
>>> result = own(Receiver(Decoder(), symbol_rate=50_000).hear(sent.bursts), seq=0, user_id=0)
>>> result.text.split()[2:5], round(result.es_n0_db)
(['wards', 'were', 'all'], 8)
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from .codec.decode import NOTHING, DecodeError, Decoder
from .codec.encode import Encoded, Encoder
from .codec.pieces import Pieces
from .codec.rates import KNOWN
from .phy import channel
from .phy.air import Path
from .phy.burst import Lost
from .phy.channel import BLOCK
from .phy.equalise import mmse
from .phy.framer import Framer
from .phy.listener import Listener, describe
from .phy.utterance import SEQUENCE, Reception
from .result import Result

PATIENT = 10  # times the work that a live stream may make: who plays a file wants all that is in it, and can wait
GAP_S = 0.1  # of silence before and behind each burst

NOT_DETECTED = Result(lost=True, detected=False).failed("not_detected", "no burst was found in what the receiver heard")


class Sent(NamedTuple):
    """An utterance on its way."""

    encoded: Encoded
    bursts: list[np.ndarray]  # complex64 [n] each, 4 samples a symbol, silence around them


class Transmitter:
    """Speech to samples: a model's encoder, bursts, and the path behind the transmitter if there is one."""

    def __init__(self, encoder: Encoder, framer: Framer, path: Path | None = None) -> None:
        self._encoder, self._framer, self._path = encoder, framer, path

    def __call__(self, waveform: np.ndarray, user_id: int = 0, seq: int = 0) -> Sent:
        """The bursts of float32 [samples] at 16 kHz, as `speech.audio.check` leaves them.

        Raises:
            ValueError: an utterance that does not fit into a burst's header or into so many bursts.
        """
        encoded = self._encoder(waveform)
        return Sent(encoded, self.modulate(encoded.symbols, encoded.codec, user_id, seq))

    def modulate(self, symbols: np.ndarray, codec: int, user_id: int = 0, seq: int = 0) -> list[np.ndarray]:
        """The bursts of symbols complex64 [20 * frames], E|x|^2 = 1."""
        bursts = [burst.samples for burst in self._framer(symbols, codec, user_id, seq)]
        if self._path is None:
            return bursts
        return [self._path(burst, self._framer.level_db, seq, k) for k, burst in enumerate(bursts)]


class Receiver:
    """Samples to results: burst receiver and a model's decoder."""

    def __init__(
        self, decoder: Decoder, symbol_rate: float, watch: Callable[[Reception | Lost], object] | None = None
    ) -> None:
        """`symbol_rate` in hertz: in results, frequencies and times are told by it. `watch` is shown what was heard."""
        self._decoder, self._symbol_rate, self._listener = decoder, symbol_rate, Listener(KNOWN, symbol_rate, PATIENT)
        self._watch, self._pieces = watch, Pieces()

    def push(self, samples: np.ndarray) -> list[Result]:
        """The results that these samples, complex64 [n], 4 a symbol, completed."""
        return [self._result(event) for event in self._listener.push(samples)]

    def flush(self) -> list[Result]:
        """The stream has ended: the results that were still to come. Then another stream may begin."""
        return [self._result(event) for event in self._listener.flush()]

    def hear(self, stream: Iterable[np.ndarray]) -> list[Result]:
        """All results of a whole stream, given in pieces."""
        return [result for piece in stream for result in self.push(piece)] + self.flush()

    def _result(self, event: Reception | Lost) -> Result:
        if self._watch:
            self._watch(event)
        known = describe(event, self._symbol_rate)
        if isinstance(event, Lost):
            return Result.of(known, lost=True, error=event.error, error_type=event.error_type)
        try:
            reading = self._decoder(event.symbols, event.reliability, event.codec) if event.came else NOTHING
        except DecodeError as error:
            return Result.of(known, lost=True, error=str(error), error_type=error.error_type)
        if event.piece is not None:
            more, reading = self._pieces(known, reading)
            known |= more
        return Result.of(known, **reading._asdict())


class Ideal(NamedTuple):
    """A channel of which the receiver is told h and N0, symbol by symbol, as the paper has it."""

    kind: str
    es_n0_db: float
    rician_k: float
    seed: int

    def __call__(self, sent: Encoded, decoder: Decoder, seq: int = 0) -> Result:
        """What `decoder` makes of an utterance's symbols, which cross the channel in a burst's order."""
        rng = np.random.default_rng([self.seed, seq & 0xFFFF_FFFF])
        received = channel.transmit(sent.symbols, self.kind, self.es_n0_db, rng, BLOCK, self.rician_k, interleaved=True)
        reading = decoder(*mmse(*received), sent.codec)
        return Result.of({"n_symbols": len(sent.symbols), "codec": sent.codec, "seq": seq}, **reading._asdict())


def own(results: list[Result], seq: int, user_id: int) -> Result:
    """The result of the utterance that was sent, among those of a stream; of a burst nobody could read, if need be."""
    ours = [each for each in results if (each.seq, each.user_id) == (seq % SEQUENCE, user_id)]
    return next(iter(ours + results), NOT_DETECTED)
