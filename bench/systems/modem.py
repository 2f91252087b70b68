"""The burst modem around a payload: nothing about the channel is told, not even where a burst begins."""

from collections.abc import Callable

import numpy as np

from gr_deepsc.chain import Receiver, Transmitter, own
from gr_deepsc.codec.decode import Decoder, Reading
from gr_deepsc.phy import air as radio
from gr_deepsc.phy import utterance as bursts
from gr_deepsc.phy.air import Path
from gr_deepsc.phy.framer import Framer, suiting
from gr_deepsc.simulation import Setting

from ..system import Air, Heard
from . import recogniser

SETTING = Setting()  # of `deepsc simulate`: the silence around its bursts


def overhead(symbols: int, codec: int) -> int:
    """Symbols of ramps, chirps, headers and pilots beside so many of payload."""
    return bursts.on_air(symbols, suiting(codec)).symbols - symbols


def transmit(
    symbols: np.ndarray, codec: int, air: Air, decode: Decoder | Callable[[np.ndarray, np.ndarray, int], Reading]
) -> Heard:
    """Bursts of a payload, over the path that `deepsc simulate` sends them over, to what `decode` makes of them.

    The fading has blocks of 128 symbols as for systems without a modem, but they are drawn for the samples of a burst
    and begin at a random place.

    Args:
        symbols: complex64 [20 * frames], E|x|^2 = 1.
        codec: the header's number, which chooses the preamble.
        air: what is between the two ends.
        decode: equalised symbols complex64 [n], their reliability float32 [n] and the codec -> text.

    Returns:
        The text; `frame_errors` is the share of bursts that were not found or whose header could not be read.
    """
    path = Path(radio.Air(air.kind, air.es_n0_db), air.seed)
    transmitter = Transmitter(recogniser.encoder(), Framer(silence=SETTING.silence), path)
    receiver = Receiver(decode, SETTING.symbol_rate)
    parts = transmitter.modulate(symbols, codec, 0, air.seq)
    result = own(receiver.hear(parts), air.seq, 0)
    return Heard(result.text, None, 1 - (result.n_bursts or 0) / len(parts))
