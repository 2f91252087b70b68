"""The paper's channels: y = h x + n, one fading coefficient h a block of symbols (Weng et al., section II).

Es/N0 is per complex symbol with E|x|^2 = 1, so the noise variance is N0 = 10^(-Es/N0[dB] / 10).
"""

from typing import NamedTuple

import numpy as np

from .frame import deinterleave, interleave

KINDS = ("awgn", "rayleigh", "rician", "none")
BLOCK = 128  # symbols a fading coefficient holds for
RICIAN_K = 1.0  # power of the line of sight over the power of the scatter


class Received(NamedTuple):
    """What leaves a channel: `symbols` y and the `csi` h they met, complex64 [n] each; the variance `n0`."""

    symbols: np.ndarray
    csi: np.ndarray
    n0: float


def check(kind: str, block: int = BLOCK, rician_k: float = RICIAN_K) -> None:
    """Refuse parameters that describe no channel.

    Raises:
        ValueError: in one sentence, which one and what is allowed.
    """
    if kind not in KINDS:
        raise ValueError(f"channel {kind!r} is none of {', '.join(KINDS)}")
    if block < 1:
        raise ValueError(f"a fading block of {block} symbols: it must be at least 1")
    if not rician_k >= 0:
        raise ValueError(f"Rician K = {rician_k}: it must be 0 or more")


def noise_variance(es_n0_db: float) -> float:
    """N0 = E|n|^2 of a complex symbol's noise at `es_n0_db` (dB) and unit symbol power; 0 at +infinity."""
    return float(10.0 ** (-es_n0_db / 10.0))


def complex_gaussian(rng: np.random.Generator, size: int) -> np.ndarray:
    """`size` draws of CN(0, 1): complex128, circular, E|.|^2 = 1."""
    return (rng.standard_normal(size) + 1j * rng.standard_normal(size)) / np.sqrt(2.0)


def fading(kind: str, blocks: int, rng: np.random.Generator, rician_k: float = RICIAN_K) -> np.ndarray:
    """One coefficient h a block, complex128 [blocks], independent, E|h|^2 = 1.

    awgn, none: h = 1. rayleigh: CN(0, 1). rician: a line of sight of power K/(K+1) and phase 0 plus
    CN(0, 1/(K+1)).
    """
    check(kind, rician_k=rician_k)
    if kind == "rayleigh":
        return complex_gaussian(rng, blocks)
    if kind == "rician":
        return (np.sqrt(rician_k) + complex_gaussian(rng, blocks)) / np.sqrt(rician_k + 1.0)
    return np.ones(blocks, np.complex128)


def transmit(
    symbols: np.ndarray,
    kind: str,
    es_n0_db: float,
    rng: np.random.Generator,
    block: int = BLOCK,
    rician_k: float = RICIAN_K,
    interleaved: bool = False,
) -> Received:
    """Send an utterance's symbols over a channel.

    >>> rng = np.random.default_rng(1)
    >>> x = np.exp(2j * np.pi * rng.random(50_000)).astype(np.complex64)
    >>> y, h, n0 = transmit(x, "rician", es_n0_db=10.0, rng=rng)
    >>> y.dtype, n0, round(float(np.mean(np.abs(y - h * x) ** 2)), 2)
    (dtype('complex64'), 0.1, 0.1)

    Args:
        symbols: complex64 [n], E|x|^2 = 1.
        kind: one of `KINDS`; "none" is h = 1 without noise, whatever `es_n0_db` says.
        es_n0_db: dB.
        rng: the only source of randomness.
        block: symbols a coefficient holds for; the last block may be shorter.
        rician_k: linear, not dB.
        interleaved: the symbols, a multiple of 20, cross it in the order in which a burst sends them.

    Raises:
        ValueError: the channel is none of `KINDS`, or a parameter is out of range.
    """
    check(kind, block, rician_k)
    if interleaved:
        y, h, n0 = transmit(interleave(symbols), kind, es_n0_db, rng, block, rician_k)
        return Received(deinterleave(y), deinterleave(h), n0)
    n = len(symbols)
    h = np.repeat(fading(kind, -(-n // block), rng, rician_k), block)[:n]
    n0 = 0.0 if kind == "none" else noise_variance(es_n0_db)
    received = h * symbols + np.sqrt(n0) * complex_gaussian(rng, n)
    return Received(received.astype(np.complex64), h.astype(np.complex64), n0)
