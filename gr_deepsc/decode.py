"""From an utterance's symbols to its text without GNU Radio."""

from pathlib import Path

from .model import Receiver, codec_id
from .phy.utterance import Utterance
from .text import greedy


class DecodeError(ValueError):
    """Symbols that this model cannot decode. `error_type` is wrong_model, the message says what to do."""

    error_type = "wrong_model"


def check_codec(pair: str, codec: int) -> None:
    """Refuse the symbols of another model.

    Args:
        pair: of the receiver's contract.
        codec: of the burst's header.

    Raises:
        DecodeError: they do not belong together.
    """
    if codec != codec_id(pair):
        raise DecodeError(
            f"the burst's codec is {codec}, this decoder's {codec_id(pair)}; give both ends one model"
        )


class Decoder:
    """What the Semantic Decoder block does with a burst receiver's utterances."""

    def __init__(self, model: str | Path = "default", provider: str = "CPUExecutionProvider"):
        """`model`: name or folder; errors as of `gr_deepsc.model.Receiver`."""
        self._receiver = Receiver(model, provider)

    def __call__(self, utterance: Utterance) -> tuple[str, float]:
        """The text and its confidence, 0..1.

        Raises:
            DecodeError: another model's symbols.
        """
        check_codec(self._receiver.contract.pair, utterance.codec)
        return greedy(self._receiver(utterance.symbols, utterance.reliability))
