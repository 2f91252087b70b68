"""How reliable each place of a polar code is: Gaussian approximation of density evolution.

LLRs of bits that are all 0 are taken for normal with mean m and variance 2 m (Trifonov, IEEE Trans. Commun. 60(11),
2012). Two of them make the LLR of their bits' sum with phi(m) = 1 - (1 - phi(m1)) (1 - phi(m2)), and that of
the second bit with m = m1 + m2, where phi(m) = 1 - E[tanh(L / 2)] (Chung et al., IEEE Trans. Inf. Theory 47(2), 2001).
"""

from functools import cache

import numpy as np
from scipy.special import ndtr

from .qam import Qam

_EXTREME = 1e-12, 1e7  # means beyond these are told apart from neither each other nor 0 and infinity


def places(means: np.ndarray) -> np.ndarray:
    """Mean LLR of each of u's places under successive cancellation.

    Args:
        means: float [N], of the code bits, N a power of two; 0 where nothing is sent, infinite where it is known.
    """
    m = np.asarray(means, np.float64)
    half = len(m) // 2
    while half:
        pairs = m.reshape(-1, 2, half)
        a, b = pairs[:, 0], pairs[:, 1]
        m = np.stack([_sum_of_bits(a, b), a + b], axis=1).reshape(-1)
        half //= 2
    return m


def block_error_bound(means: np.ndarray, information: np.ndarray) -> float:
    """At most this share of blocks fails under successive cancellation: the sum of the places' error rates.

    Args:
        means: float [N], of the code bits.
        information: bool [N].
    """
    return float(ndtr(-np.sqrt(places(means)[information] / 2)).sum())


def bit_means(qam: Qam, es_n0: float) -> np.ndarray:
    """Mean LLRs of a symbol's bits: float [bits]; those of normal ones that tell as much about the bit.

    Args:
        es_n0: linear.
    """
    y, weight = _noise()
    y = qam.amplitudes[:, None] + np.sqrt(0.5 / es_n0) * y  # [amplitudes, noise]
    flat = y.reshape(-1)
    llrs = qam.demodulate((flat + 1j * flat).astype(np.complex128), np.ones(flat.size), 1 / es_n0)
    llrs = llrs.reshape(*y.shape, qam.bits // 2, 2)[..., 0].astype(np.float64)
    signs = 1.0 - 2.0 * qam.labels[:, None]
    lost = (np.logaddexp(0, -signs * llrs) * weight[:, None]).sum(1).mean(0) / np.log(2)
    m, equivocation = _normal_equivocation()
    return np.repeat(np.exp(np.interp(-np.log(lost), -np.log(equivocation), np.log(m))), 2)


def _sum_of_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    p, q = _log_phi(a), _log_phi(b)
    with np.errstate(divide="ignore"):
        return _inverse_log_phi(np.minimum(np.logaddexp(p, q + np.log(-np.expm1(p))), 0))


def _log_phi(m: np.ndarray) -> np.ndarray:
    grid, value = _phi_table()
    inside = np.clip(m, *_EXTREME)
    phi = -np.exp(np.interp(np.log(inside), grid, value))
    return np.where(m < _EXTREME[0], 0.0, np.where(m > _EXTREME[1], -np.inf, phi))


def _inverse_log_phi(log_phi: np.ndarray) -> np.ndarray:
    grid, value = _phi_table()
    with np.errstate(divide="ignore"):
        m = np.exp(np.interp(np.log(-log_phi), value, grid))
    return np.where(np.isneginf(log_phi), np.inf, np.where(log_phi > -_EXTREME[0] / 4, 0.0, m))


@cache
def _phi_table() -> tuple[np.ndarray, np.ndarray]:
    """ln m and ln(-ln phi(m)), nearly a line: phi(m) = e^(-m / 4) E[1 / cosh(t / 2)], t normal of variance 2 m."""
    m = np.geomspace(*_EXTREME, 1000)
    sigma = np.sqrt(2 * m)[:, None]
    u = np.linspace(-12, 12, 801)
    t = np.minimum(sigma, 4) * u  # as far as either the density or 1 / cosh reaches
    weight = np.exp(-((t / sigma) ** 2) / 2) / np.sqrt(2 * np.pi) * (t[:, 1:2] - t[:, :1]) / sigma
    mean = (weight / np.cosh(t / 2)).sum(1)
    one_less = (weight * 2 * np.sinh(t / 4) ** 2 / np.cosh(t / 2)).sum(1)  # keeps its digits where m is small
    return np.log(m), np.log(m / 4 - np.where(m < 1, np.log1p(-one_less), np.log(mean)))


@cache
def _normal_equivocation() -> tuple[np.ndarray, np.ndarray]:
    """Means m, and the bits that an LLR of N(m, 2 m) leaves unknown of 1, falling."""
    y, weight = _noise()
    m = np.geomspace(1e-4, 300, 2000)
    llrs = m[:, None] + np.sqrt(2 * m)[:, None] * y
    return m, (np.logaddexp(0, -llrs) * weight).sum(1) / np.log(2)


def _noise() -> tuple[np.ndarray, np.ndarray]:
    """A standard normal variable as places and weights: float [n] each."""
    y = np.linspace(-9, 9, 721)
    weight = np.exp(-(y**2) / 2)
    return y, weight / weight.sum()
