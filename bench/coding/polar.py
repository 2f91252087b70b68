"""Polar codes with a CRC for any number of code bits, and a list decoder for many blocks at a time.

The code is that of gr_deepsc.phy.polar; what is added: places chosen for the modulation (`density`), rate matching by
a circular buffer, CRC-aided selection from the list (Niu and Chen, IEEE Commun. Letters 16(10), 2012), min-sum
arithmetic (Balatsoukas-Stimming et al., IEEE Trans. Signal Processing 63(19), 2015), and one tree for all blocks.
"""

import numpy as np

from gr_deepsc.phy.polar import ENUMERATED, codewords, transform

_TOGETHER = 64  # blocks decoded at a time: their LLRs stay in the cache


def decode(llrs: np.ndarray, information: np.ndarray, paths: int) -> np.ndarray:
    """The likeliest messages of each block, best first: uint8 [blocks, paths, K].

    Args:
        llrs: float32 [blocks, N], finite; ln P(bit = 0) / P(bit = 1) of the code bits.
        information: bool [N], K of them true.
        paths: at most 2^K.
    """
    parts = [
        _decode_together(np.asarray(llrs[k : k + _TOGETHER], np.float32), information, paths)
        for k in range(0, len(llrs), _TOGETHER)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, paths, np.count_nonzero(information)), np.uint8)


def _decode_together(llrs: np.ndarray, information: np.ndarray, paths: int) -> np.ndarray:
    metrics = np.zeros((len(llrs), 1), np.float32)
    signs, _, metrics = _subtree(llrs[:, None], metrics, information, paths)
    order = np.argsort(metrics, axis=1)[..., None]
    u = transform((np.take_along_axis(signs, order, axis=1) < 0).astype(np.uint8))
    return u[..., information]


def _subtree(
    alpha: np.ndarray, metrics: np.ndarray, information: np.ndarray, paths: int
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """One subtree of all blocks: LLRs float32 [blocks, p, n] of the p paths that reach it, metrics [blocks, p].

    Returns:
        Its codewords as signs float32 [blocks, q, n]; int [blocks, q] which of the p paths each continues, None for
        each its own; their metrics [blocks, q].
    """
    if np.count_nonzero(information) <= ENUMERATED:
        return _leaf(alpha, metrics, information, paths)
    half = len(information) // 2
    a, b = alpha[..., :half], alpha[..., half:]
    both = np.copysign(np.minimum(np.abs(a), np.abs(b)), a * b)  # LLR of the sum of two bits
    left, first, metrics = _subtree(both, metrics, information[:half], paths)
    right, second, metrics = _subtree(_of(b, first) + left * _of(a, first), metrics, information[half:], paths)
    left = _of(left, second)
    if first is not None and second is not None:
        second = np.take_along_axis(first, second, axis=1)
    return np.concatenate([left * right, right], -1), first if second is None else second, metrics


def _leaf(
    alpha: np.ndarray, metrics: np.ndarray, information: np.ndarray, paths: int
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """As `_subtree`, all codewords tried: a bit whose sign is not its LLR's costs |LLR|."""
    words = codewords(information.tobytes())
    metrics = (metrics + np.abs(alpha).sum(-1) / 2)[..., None] - alpha @ words.T / 2
    blocks, p, count = metrics.shape
    if count == 1:
        return np.broadcast_to(words[0], alpha.shape), None, metrics[..., 0]
    metrics = metrics.reshape(blocks, -1)
    if p * count > paths:
        kept = np.argpartition(metrics, paths - 1, axis=1)[:, :paths]
    else:
        kept = np.broadcast_to(np.arange(p * count), metrics.shape)
    parents, word = np.divmod(kept, count)
    return words[word], parents, np.take_along_axis(metrics, kept, axis=1)


def _of(paths: np.ndarray, parents: np.ndarray | None) -> np.ndarray:
    """[blocks, p, n] and int [blocks, q] -> [blocks, q, n]."""
    if parents is None:
        return paths
    return paths[np.arange(len(paths))[:, None], parents]
