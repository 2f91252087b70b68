"""A polar code and its list decoder, for a header of a few dozen bits.

Arikan, IEEE Trans. Inf. Theory, 2009: x = u F^(kron log2 N) over GF(2), F = [[1, 0], [1, 1]], in natural order. The
list decoder is that of Tal and Vardy (2015) with the path metric of Balatsoukas-Stimming et al. (2015), both IEEE.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from scipy import special

LIST = 128  # paths that the decoder keeps
SHORT = 8  # ... of the list that is tried first
ENOUGH = 0.9  # of the message's nats: they that were read in AWGN had 1.07 and more
ENUMERATED = 4  # message bits of a subtree whose codewords are tried one and all


def transform(bits: np.ndarray) -> np.ndarray:
    """u to x over the last axis, its own inverse: uint8 [..., N] -> uint8 [..., N], N a power of two."""
    x = bits.copy()
    half = 1
    while half < x.shape[-1]:
        pairs = x.reshape(*x.shape[:-1], -1, 2, half)
        pairs[..., 0, :] ^= pairs[..., 1, :]
        half *= 2
    return x


def information_set(length: int, count: int) -> np.ndarray:
    """Which of u's places carry the message, the others are 0: bool [length], `count` of them true.

    Those of the largest polarisation weight, sum of 2^(j/4) over the set bits j of the place: He et al.,
    "Beta-expansion", Globecom 2017, section III. It needs no SNR to design for.
    """
    place = np.arange(length)
    weight = sum((place >> j & 1) * 2 ** (j / 4) for j in range(length.bit_length() - 1))
    chosen = np.zeros(length, bool)
    chosen[np.argsort(weight, kind="stable")[length - count :]] = True
    return chosen


def encode(message: np.ndarray, information: np.ndarray) -> np.ndarray:
    """Message uint8 [..., K] to code bits uint8 [..., N], with `information` bool [N], K of them true."""
    u = np.zeros((*message.shape[:-1], len(information)), np.uint8)
    u[..., information] = message
    return transform(u)


def decode(llrs: np.ndarray, information: np.ndarray, paths: int = LIST) -> np.ndarray:
    """The likeliest messages that successive cancellation keeps, best first: uint8 [<= paths, K].

    Args:
        llrs: float [N], finite; ln P(bit = 0) / P(bit = 1) of the code bits.
        information: bool [N], as for `encode`.
    """
    u = transform((llrs < 0).astype(np.uint8))
    if not u[~information].any():
        return u[None, information]  # every bit's own likeliest value makes a codeword: nothing is likelier
    alpha = np.asarray(llrs, np.float32)[None]
    signs, _, metrics = _decode(alpha, np.zeros(1, np.float32), information, paths)
    u = transform((signs[np.argsort(metrics)] < 0).astype(np.uint8))
    return u[:, information]


def candidates(llrs: np.ndarray, information: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Messages uint8 [K] for a checksum to choose from: those of a short list, then the `count` best of the long one.

    The short list has the right one but in the worst noise, at a quarter of the time. There are none where the LLRs
    cannot hold so much.
    """
    if capacity(llrs) < ENOUGH * np.count_nonzero(information) * np.log(2):
        return
    yield from decode(llrs, information, SHORT)
    if count > SHORT:
        yield from decode(llrs, information)[:count]


def capacity(llrs: np.ndarray) -> float:
    """What LLRs say of their bits, nats: no message of more than that can be in them (Shannon's converse)."""
    likelier = special.expit(np.abs(llrs))
    return float(np.sum(np.log(2) - special.entr(likelier) - special.entr(1 - likelier)))


def _decode(
    alpha: np.ndarray, metrics: np.ndarray, information: np.ndarray, paths: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One subtree, for all paths that reach it: LLRs float32 [p, n] and metrics float32 [p].

    Returns:
        Its codewords as signs float32 [q, n], int [q] which of the p paths each continues, their metrics [q].
    """
    if np.count_nonzero(information) <= ENUMERATED:
        # -ln P(codeword) = sum ln(1 + e^(-s alpha)) = sum ln(2 cosh(alpha / 2)) - s alpha / 2
        words = codewords(information.tobytes())
        metrics = (metrics + np.logaddexp(alpha / 2, -alpha / 2).sum(1))[:, None] - alpha @ words.T / 2
        kept = np.argsort(metrics, axis=None)[:paths]
        parents, word = np.divmod(kept, len(words))
        return words[word], parents, metrics.ravel()[kept]
    half = len(information) // 2
    a, b = alpha[:, :half], alpha[:, half:]
    both = np.logaddexp(0, a + b) - np.logaddexp(a, b)  # LLR of the sum of two bits
    left, first, metrics = _decode(both, metrics, information[:half], paths)
    right, second, metrics = _decode(b[first] + left * a[first], metrics, information[half:], paths)
    return np.concatenate([left[second] * right, right], 1), first[second], metrics


@cache
def codewords(information: bytes) -> np.ndarray:
    """All codewords of a small subtree as signs, float32 [2^k, n]; `information`: the bytes of its bool [n]."""
    places = np.frombuffer(information, bool)
    count = np.count_nonzero(places)
    messages = (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(np.uint8)
    return 1 - 2 * encode(messages, places).astype(np.float32)
