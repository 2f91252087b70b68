"""The paper's SR+DeepSC: the reader's text, sent by a text transformer with its own channel codec."""

import itertools
import textwrap
from functools import cache
from importlib import resources

import numpy as np

from gr_deepsc.phy.equalise import mmse
from gr_deepsc.session import InferenceSession, open_session
from gr_deepsc.text import ALPHABET, encode

from ..system import Air, Heard, Recording, Sent
from . import recogniser

SYMBOLS = 8  # a character
LONGEST = 200  # characters that are sent as one text: longer ones were in no training
START = len(ALPHABET)


class SRDeepSC:
    """Reader -> DeepSC for text (Xie et al. 2021) by characters -> the likeliest character after the other.

    8 symbols a character, not interleaved, as there. The receiver knows h, N0 and the number of characters, and is
    given the MMSE estimates and their reliability, as ours is. Trained by `deepsc_export train deepsc-text`.
    """

    name = "sr-deepsc"
    label = "SR+DeepSC (text transformer)"

    def __init__(self) -> None:
        recogniser.transmitter()
        self._sender, self._memory, self._speller = map(_graph, ("sender", "memory", "speller"))

    def send(self, utterance: Recording) -> Sent:
        """`side`: characters of each part."""
        texts = textwrap.wrap(recogniser.spell(utterance.samples), LONGEST)
        sent = [self._sender.run(None, {"tokens": np.array([encode(text)])})[0][0] for text in texts]
        pairs = np.concatenate([np.zeros((0, 2), np.float32), *sent])
        return Sent(pairs[:, 0] + 1j * pairs[:, 1], 0, [len(text) for text in texts])

    def receive(self, sent: Sent, air: Air) -> Heard:
        """The text of all parts, each as long as it was sent."""
        z, reliability = mmse(*air(sent.symbols))
        bounds = SYMBOLS * np.cumsum([0, *sent.side])
        texts = [self._spell(z[a:b], reliability[a:b]) for a, b in itertools.pairwise(bounds)]
        return Heard(" ".join(" ".join(texts).split()), None)

    def _spell(self, z: np.ndarray, reliability: np.ndarray) -> str:
        pairs = np.stack([z.real, z.imag], axis=1).astype(np.float32)
        feed = {"symbols": pairs[None], "reliability": reliability[None].astype(np.float32)}
        (memory,) = self._memory.run(None, feed)
        past = np.zeros((*memory.shape[:4], 0, memory.shape[5]), np.float32)
        token, text = START, []
        for place in range(len(z) // SYMBOLS):
            feed = {"token": np.array([token]), "place": np.array([place]), "past": past, "memory": memory}
            log_probs, past = self._speller.run(None, feed)
            token = int(log_probs[0].argmax())
            text.append(ALPHABET[token])
        return "".join(text)


@cache
def _graph(name: str) -> InferenceSession:
    with resources.as_file(resources.files(__package__).joinpath("deepsc_text", f"{name}.onnx")) as path:
        return open_session(path)
