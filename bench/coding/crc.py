"""The 11-bit CRC of 3GPP TS 38.212, section 5.1, over the last axis of arrays of bits.

Its bits are sent inverted: a block of zeros, which is what a decoder makes of nothing, does not pass.
"""

from functools import cache

import numpy as np

BITS = 11
_POLYNOMIAL = np.array([1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1], np.uint8)  # x^11 = x^10 + x^9 + x^5 + 1, x^10 first


def append(message: np.ndarray) -> np.ndarray:
    """uint8 [..., A] -> uint8 [..., A + 11]: the message and its check bits."""
    # exact below 2^24, and BLAS knows no bits
    sums = message.astype(np.float32) @ _remainders(message.shape[-1])
    check = sums.astype(np.int32) & 1 ^ 1
    return np.concatenate([message, check.astype(np.uint8)], axis=-1)


def passes(word: np.ndarray) -> np.ndarray:
    """uint8 [..., A + 11] -> bool [...]: the last 11 bits are the check of those before."""
    return (append(word[..., :-BITS])[..., -BITS:] == word[..., -BITS:]).all(axis=-1)


@cache
def _remainders(length: int) -> np.ndarray:
    """x^(11 + place) modulo the polynomial for each message bit, first bit first: float32 [length, 11]."""
    rows, row = [], _POLYNOMIAL
    for _ in range(length):
        rows.append(row)
        row = np.append(row[1:], np.uint8(0)) ^ row[0] * _POLYNOMIAL
    return np.array(rows[::-1], np.float32).reshape(length, BITS)
