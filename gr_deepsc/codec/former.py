"""The codec with context as it was before texts had capitals and signs: what it sent is still read."""

import json

import numpy as np

from ..session import MODELS, PROVIDER, open_model
from ..text import ALPHABET, TOKENS
from .contextual import by_character
from .rates import FORMER

EACH = {520: 34, 260: 17, 130: 8}  # symbols a character
PATH = MODELS / "former" / "decoder.onnx"


class FormerDecoder:
    """Equalised symbols and their reliability in, log-probabilities of CTC's tokens out: two steps a character."""

    def __init__(self, provider: str = PROVIDER):
        """Load the shipped decoder; errors as of `session.open_model`."""
        wanted = {"kind": "contextual decoder", "vocabulary": ALPHABET, "rates": json.dumps(list(EACH.items()))}
        self._session, _ = open_model(PATH, wanted, provider=provider)

    def __call__(self, symbols: np.ndarray, reliability: np.ndarray, codec: int) -> np.ndarray:
        """float32 [2 * characters, 29], natural logarithms; arguments and errors as of `ContextualDecoder`."""
        each = EACH[FORMER[codec]]
        z, rho = by_character(symbols, reliability, each, max(EACH.values()))
        if not z.shape[1]:
            return np.zeros((0, TOKENS), np.float32)
        feed = {"symbols": z, "reliability": rho, "rate": np.array(codec)}
        return self._session.run(None, feed)[0][0]
