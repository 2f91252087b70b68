"""Features of sentences that nobody spoke, put together from pieces of features of real speech.

The recogniser hears sounds and misspells words; its training texts are too few to learn spelling from, while plain
text is plentiful. So the receiver's context is trained on P of any text: whole words as some speaker said them where
the recordings have the word, and where not, letter by letter, each from a place with the same neighbours. The errors
of the real recogniser come along with the pieces.
"""

from collections import defaultdict

import numpy as np

from gr_deepsc.text import encode

from .align import align

WORD_FROM = 2  # recordings of a word before it is taken whole
KEEP = 60  # pieces a key: enough variety, bounded memory


class Units:
    """Pieces of P by word and by letters in context."""

    def __init__(self, probabilities: list[np.ndarray], texts: list[str], rng: np.random.Generator):
        """Cuts float16 [frames, 29] features along their alignment with the texts."""
        self.rng = rng
        self.pieces: dict[str, list[np.ndarray]] = defaultdict(list)
        self.edges: list[
            tuple[np.ndarray, np.ndarray]
        ] = []  # what comes before the first letter and after the last
        for i in rng.permutation(len(texts)):
            self._cut(probabilities[i], texts[i])

    def _cut(self, p: np.ndarray, text: str) -> None:
        starts = align(np.log(p.astype(np.float32) + 1e-6), encode(text))
        if starts is None:
            return
        ends = np.append(starts[1:], min(starts[-1] + 1, len(p)))
        self.edges.append((p[: starts[0]][-25:], p[ends[-1] :][:25]))
        around = f" {text} "
        for k, letter in enumerate(text):
            piece = p[starts[k] : ends[k]]
            for key in (around[k : k + 3], around[k : k + 2] + "*", "*" + around[k + 1 : k + 3], letter):
                self._keep(key, piece)
        position = 0
        for word in text.split(" "):
            if len(word) > 1:
                self._keep("#" + word, p[starts[position] : ends[position + len(word) - 1]])
            position += len(word) + 1

    def _keep(self, key: str, piece: np.ndarray) -> None:
        if len(self.pieces[key]) < KEEP:
            self.pieces[key].append(piece)

    def speak(self, text: str) -> np.ndarray:
        """Features float16 [frames, 29] of `text` as if recognised."""
        before, after = self.edges[self.rng.integers(len(self.edges))]
        parts = [before]
        words = text.split(" ")
        around, position = f" {text} ", 0
        for number, word in enumerate(words):
            whole = self.pieces.get("#" + word, ())
            if len(whole) >= WORD_FROM and self.rng.random() < 0.8:
                parts.append(whole[self.rng.integers(len(whole))])
            else:
                parts += [self._letter(around[k : k + 3]) for k in range(position, position + len(word))]
            position += len(word)
            if number < len(words) - 1:
                parts.append(self._letter(around[position : position + 3]))
                position += 1
        return np.concatenate([*parts, after])

    def _letter(self, context: str) -> np.ndarray:
        for key in (context, context[:2] + "*", "*" + context[1:], context[1]):
            found = self.pieces.get(key, ())
            if found:
                return found[self.rng.integers(len(found))]
        return np.empty((0, 29), np.float16)
