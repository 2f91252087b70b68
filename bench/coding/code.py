"""A message with its CRC as one block of a polar code, cut or repeated to the bits that there are to send."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gr_deepsc.phy import polar as exact

from . import crc, density, polar
from .qam import Qam

# Of blocks under successive cancellation where the places are chosen; the list does better.
_DESIGN_ERRORS = 0.1


@dataclass(frozen=True)
class Code:
    """`message` bits and 11 of CRC in a polar code of `length`, of which `sent` bits go out in a circle.

    The circle runs through the code bits in bit-reversed order and ends at the last one: with fewer bits than the
    code has, the first of it are not sent (quasi-uniform puncturing, Niu et al., ICC 2013); with more, the last of
    it are sent once more.
    """

    message: int
    length: int  # a power of two
    sent: int
    qam: Qam
    paths: int  # of the list decoder
    min_sum: bool = True  # many blocks at a time; else gr_deepsc's decoder, exact and ten times as slow

    def __post_init__(self) -> None:
        if not 0 < self.message + crc.BITS <= min(self.length, self.sent):
            raise ValueError(
                f"{self.message} bits and {crc.BITS} of CRC do not fit a code of {self.length} bits, {self.sent} sent"
            )

    @cached_property
    def circle(self) -> np.ndarray:
        """The code bit that goes out as the k-th: int [sent]."""
        width = self.length.bit_length() - 1
        reverse = sum((np.arange(self.length) >> j & 1) << (width - 1 - j) for j in range(width))
        return reverse[(np.arange(self.sent) - self.sent) % self.length]

    @cached_property
    def design(self) -> tuple[np.ndarray, float]:
        """The places that carry message and CRC, bool [length], and the Es/N0 in dB that they are chosen for.

        There successive cancellation fails in a tenth of the blocks at most.
        """
        low, high = -30.0, 40.0
        while high - low > 0.05:
            middle = (low + high) / 2
            bound = density.block_error_bound(*self._chosen(middle))
            low, high = (low, middle) if bound < _DESIGN_ERRORS else (middle, high)
        return self._chosen(high)[1], high

    @property
    def information(self) -> np.ndarray:
        """Which of u's places carry message and CRC: bool [length]."""
        return self.design[0]

    def code_means(self, es_n0_db: float) -> np.ndarray:
        """Mean LLRs of the code bits in AWGN: float [length]."""
        sent = density.bit_means(self.qam, 10 ** (es_n0_db / 10))
        means = np.zeros(self.length)
        np.add.at(means, self.circle, np.resize(sent, self.sent))
        return means

    def _chosen(self, es_n0_db: float) -> tuple[np.ndarray, np.ndarray]:
        means = self.code_means(es_n0_db)
        information = np.zeros(self.length, bool)
        order = np.argsort(density.places(means), kind="stable")
        information[order[self.length - self.message - crc.BITS :]] = True
        return means, information

    def encode(self, messages: np.ndarray) -> np.ndarray:
        """uint8 [blocks, message] -> code bits uint8 [blocks, sent]."""
        return exact.encode(crc.append(messages), self.information)[:, self.circle]

    def decode(self, llrs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """LLRs float32 [blocks, sent] -> messages uint8 [blocks, message], and bool [blocks]: the CRC is right.

        The likeliest of the list that passes the CRC; where none does, the likeliest of all.
        """
        combined = np.zeros((len(llrs), self.length), np.float32)
        np.add.at(combined, (slice(None), self.circle), llrs)
        u = exact.transform((combined < 0).astype(np.uint8))
        words = u[:, self.information]
        passed = ~u[:, ~self.information].any(axis=1) & crc.passes(words)  # each bit's likeliest value: done
        for blocks, candidates in self._lists(combined, np.flatnonzero(~passed)):
            passes = crc.passes(candidates)
            words[blocks] = candidates[np.arange(len(blocks)), passes.argmax(axis=1)]
            passed[blocks] = passes.any(axis=1)
        return words[:, : self.message], passed

    def _lists(self, llrs: np.ndarray, blocks: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Blocks and their messages, best first: int [n], uint8 [n, paths, K]."""
        if not self.min_sum:
            for block in blocks:
                yield np.array([block]), exact.decode(llrs[block], self.information, self.paths)[None]
        elif len(blocks):
            yield blocks, polar.decode(llrs[blocks], self.information, self.paths)
