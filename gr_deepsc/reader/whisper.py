"""Whisper's encoder and text decoder (Radford et al. 2022): encoder.onnx and decoder.onnx of one training."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..framing import HOP, SAMPLE_RATE
from ..session import MODELS, PROVIDER, ContractError, open_model
from ..text import WRITTEN
from .search import search

SHIPPED = MODELS / "reader"
LONGEST_S = 30.0  # that the encoder takes at once
MARGIN_S = 5.0  # zeros behind an utterance, if the encoder does not say how many it was trained with
TOKENS_PER_SECOND, TOKENS_MORE = 8, 8  # of a text, at most: nobody speaks faster
START, NO_TIMES, END = "<|startoftranscript|>", "<|notimestamps|>", "<|endoftext|>"
# As Whisper itself has it: no word begins with a hyphen or a quotation mark, no text with a blank. A text is empty only
# where the decoder is sure of it.
NO_WORDS, NO_BEGINNING = (" -", " '"), ("", " ", "-", "'")
AGAIN = re.compile(r"([.,?!:-])\1+")  # an ellipsis, a dash of hyphens: one says as much
SURELY_NOTHING = np.log(0.5)
ENCODER = ("waveform",), ("cross_keys", "cross_values")
DECODER = ("tokens", "keys", "values", *ENCODER[1]), ("log_probs", "new_keys", "new_values")


class Read(NamedTuple):
    """The words of an utterance, each with some letter or digit, and ln of the probability that each was given."""

    words: list[str]
    log_probs: np.ndarray  # float64 [words]

    @property
    def text(self) -> str:
        """Characters of `text.WRITTEN`."""
        return " ".join(self.words)


class Reader:
    """Reads what is said, as people write it.

    Attributes:
        longest: samples that it takes at once.
    """

    def __init__(
        self, folder: str | Path = SHIPPED, beam: int = 1, margin_s: float | None = None, provider: str = PROVIDER
    ):
        """Load both files of `folder`.

        Args:
            beam: texts that are followed; 1 is greedy.
            margin_s: zeros behind an utterance, in seconds; None as the encoder's file says.

        Raises:
            FileNotFoundError: it holds no reader.
            ContractError: the files are no such models.
            ValueError: no such beam or margin.
            RuntimeError: this ONNX Runtime has no such provider; says which it has.
        """
        if beam < 1:
            raise ValueError(f"a beam of {beam} texts: at least 1 is needed")
        if margin_s is not None and not 0 <= margin_s < LONGEST_S:
            raise ValueError(f"a margin of {margin_s} s: needed is 0 to {LONGEST_S:g}")
        folder, about = Path(folder), {"sample_rate": SAMPLE_RATE}
        wanted = {"kind": "reader encoder"} | about
        self._encoder, said = open_model(folder / "encoder.onnx", wanted, *ENCODER, provider)
        path, wanted = folder / "decoder.onnx", {"kind": "reader decoder", "alphabet": WRITTEN} | about
        self._decoder, told = open_model(path, wanted, *DECODER, provider)
        try:
            margin_s = float(said.get("margin_s", MARGIN_S)) if margin_s is None else margin_s
            self._margin = round(margin_s * SAMPLE_RATE)
            self._tokens: list[str] = list(json.loads(told["tokens"]))
            self._prompt, self._end = [self._tokens.index(each) for each in (START, NO_TIMES)], self._tokens.index(END)
        except (KeyError, TypeError, ValueError) as error:
            raise ContractError(f"{folder}: the reader's metadata cannot be read: {error!r}") from None
        self._beam = beam
        self.longest = int(LONGEST_S * SAMPLE_RATE)
        marks = [not any(c.isalnum() for c in token) for token in self._tokens]
        self._marks = np.flatnonzero(np.array(marks) & (np.arange(len(marks)) != self._end))
        self._never = self._numbers(*NO_WORDS, START, NO_TIMES)
        self._not_first = self._numbers(*NO_BEGINNING)
        layers, _, heads, _, width = self._decoder.get_inputs()[1].shape
        self._nothing = np.zeros((layers, 1, heads, 0, width), np.float32)

    def __call__(self, waveform: np.ndarray) -> Read:
        """Read float32 [samples] at 16 kHz, at most `longest`.

        Raises:
            ValueError: there are none, or more.
        """
        if not 0 < len(waveform) <= self.longest:
            raise ValueError(f"{len(waveform)} samples to read at once: needed is 1 to {self.longest}")
        cross = dict(zip(ENCODER[1], self._encoder.run(None, {"waveform": self._window(waveform)}), strict=True))
        cache: list[np.ndarray] = [self._nothing, self._nothing]

        def step(parents: list[int], tokens: list[int] | list[list[int]]) -> np.ndarray:
            past = [each[:, parents] if parents != list(range(each.shape[1])) else each for each in cache]
            new = np.array(tokens, np.int64).reshape(len(parents), -1)
            feed = {"tokens": new, "keys": past[0], "values": past[1], **cross}
            log_probs, *cache[:] = self._decoder.run(None, feed)
            log_probs[:, self._never] = -np.inf
            return log_probs

        first = step([0], [self._prompt])[0]
        first[self._not_first] = -np.inf
        if first[self._end] < SURELY_NOTHING:
            first[self._end] = -np.inf
        longest = int(TOKENS_PER_SECOND * len(waveform) / SAMPLE_RATE) + TOKENS_MORE
        return self._words(*search(first, step, self._end, self._marks, longest, self._beam)[:2])

    def _window(self, waveform: np.ndarray) -> np.ndarray:
        """Zeros behind it, float32 [1, a multiple of 640]."""
        samples = min(len(waveform) + self._margin, self.longest)
        window = np.zeros((1, -(-samples // HOP) * HOP), np.float32)
        window[0, : len(waveform)] = waveform
        return window

    def _words(self, tokens: tuple[int, ...], log_probs: tuple[float, ...]) -> Read:
        strings = [self._tokens[token] for token in tokens]
        text, owner = "".join(strings), np.repeat(np.arange(len(tokens)), list(map(len, strings)))
        words, found = [], []
        for match in re.finditer(r"\S+", text):
            if any(map(str.isalnum, match[0])):
                within = {k for k in owner[slice(*match.span())] if tokens[k] not in self._marks}
                words.append(re.sub(AGAIN, r"\1", match[0]))
                found.append(sum(log_probs[k] for k in within))
        return Read(words, np.array(found))

    def _numbers(self, *strings: str) -> list[int]:
        """Of the tokens that are in the vocabulary."""
        return [self._tokens.index(each) for each in strings if each in self._tokens]
