"""CTC prefix beam search with a language model over characters (Hannun et al. 2014).

A prefix's score is ln p(prefix | what was received) + weight ln p(prefix | English) + bonus a character.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..session import MODELS, open_model
from ..text import ALPHABET, BLANK, WRITTEN

LANGUAGE = MODELS / "language" / "language.onnx"
# Weight and bonus for a recogniser's features: chosen on the validation splits (python -m deepsc_export calibrate).
SPELLING = 0.45, 0.9
WIDTH = 16  # prefixes kept a step
LEAST = np.log(1e-3)  # tokens less likely than this are not tried ...
CERTAIN = np.log(0.999)  # ... and where the blank is as likely as this, none is


@dataclass
class Prefix:
    """A text's beginning; ln of its probability with and without a blank at its end, and of it in English."""

    text: str
    blank: float
    letter: float
    english: float

    @property
    def heard(self) -> float:
        """ln p(prefix | what was received), with a blank at its end or without."""
        return np.logaddexp(self.blank, self.letter)


class LanguageModel:
    """What may come next: ln p of each character, one GRU step at a time."""

    def __init__(self, path: Path = LANGUAGE):
        """Load `path`.

        Raises:
            FileNotFoundError: it is not there.
            ContractError: it is of another alphabet.
        """
        self._session, _ = open_model(path, {"kind": "language", "vocabulary": WRITTEN})
        self._width = self._session.get_inputs()[1].shape[1]

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """ln p float32 [74] of a text's first character, and the state then, float32 [width]."""
        log_probs, states = self.step([len(WRITTEN)], [np.zeros(self._width, np.float32)])
        return log_probs[0], states[0]

    def step(
        self, tokens: Sequence[int] | np.ndarray, states: Sequence[np.ndarray] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """ln p float32 [texts, 74] of what follows each text, after `tokens` were added to it; and the states then."""
        feed = {"token": np.array(tokens, np.int64), "state": np.asarray(states)}
        return tuple(self._session.run(None, feed))


class Beam:
    """Spells log-probabilities of CTC's tokens with a language model's help."""

    def __init__(self, weight: float, bonus: float, width: int = WIDTH):
        """Errors as of `LanguageModel`."""
        self._language = LanguageModel()
        self._weight, self._bonus, self._width = weight, bonus, width
        self._start = self._language.start()

    def __call__(self, log_probs: np.ndarray) -> str:
        """The best text of float32 [steps, 29], natural logarithms."""
        beam = {"": Prefix("", 0.0, -np.inf, 0.0)}
        known = {"": self._start}  # of each prefix, what may follow and the state
        rows: np.ndarray = log_probs.astype(np.float64)
        for row in rows:
            certain = row[BLANK] > CERTAIN
            tokens = [] if certain else [int(t) for t in np.flatnonzero(row > LEAST) if t != BLANK]
            grown: dict[str, Prefix] = {}

            def add(text: str, english: float, blank: float, letter: float, grown: dict[str, Prefix] = grown) -> None:
                prefix = grown.setdefault(text, Prefix(text, -np.inf, -np.inf, english))
                prefix.blank = np.logaddexp(prefix.blank, blank)
                prefix.letter = np.logaddexp(prefix.letter, letter)

            for prefix in beam.values():
                heard = prefix.heard
                last = ALPHABET.index(prefix.text[-1]) if prefix.text else -1
                again = prefix.letter + row[last] if last >= 0 else -np.inf
                add(prefix.text, prefix.english, heard + row[BLANK], again)
                for token in tokens:
                    if ALPHABET[token] == " " and (not prefix.text or prefix.text[-1] == " "):
                        continue
                    before = prefix.blank if token == last else heard
                    english = prefix.english + known[prefix.text][0][token]
                    add(prefix.text + ALPHABET[token], english, -np.inf, before + row[token])
            best = sorted(grown.values(), key=self._score, reverse=True)[: self._width]
            beam = {prefix.text: prefix for prefix in best}
            self._look_ahead(list(beam), known)
            known = {text: known[text] for text in beam}
        return max(beam.values(), key=self._score).text.strip()

    def _score(self, prefix: Prefix) -> float:
        return prefix.heard + self._weight * prefix.english + self._bonus * len(prefix.text)

    def _look_ahead(self, texts: list[str], known: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """Adds to `known` what may follow the texts that are not in it."""
        new = [text for text in texts if text not in known]
        if new:
            log_probs, states = self._language.step(
                [WRITTEN.index(text[-1]) for text in new], [known[text[:-1]][1] for text in new]
            )
            known.update(zip(new, zip(log_probs, states, strict=True), strict=True))
