"""Distances between sets of speech features: Fréchet and kernel DeepSpeech distance (Binkowski et al. 2020, section 4).

The equations (12) and (13) of Weng et al. are misprinted; these are the definitions that they cite.
"""

import numpy as np


def frechet(real: np.ndarray, heard: np.ndarray) -> float:
    """FDSD: |mu1 - mu2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)), and of that the root.

    The eigenvalues of (S1 S2)^(1/2) are the singular values of A1 A2', the centred sets with S = A'A, or of R1 R2' of
    their QR decompositions. So no square root is taken of a matrix that is singular, as it is where there are fewer
    windows than features.

    It is biased: two samples of one distribution are at a distance that falls with the number of windows. Compare
    values of equal numbers only.

    Args:
        real, heard: [windows, features], at least two windows each; the covariances are the unbiased ones.
    """
    real, heard = real.astype(np.float64), heard.astype(np.float64)
    centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (real, heard)]
    traces = sum(np.sum(x**2) for x in centred)
    triangles = [np.linalg.qr(x, mode="r") for x in centred]
    common = np.linalg.svd(triangles[0] @ triangles[1].T, compute_uv=False).sum()
    squared = np.sum((real.mean(0) - heard.mean(0)) ** 2) + traces - 2 * common
    return float(np.sqrt(max(squared, 0.0)))  # rounding may leave -1e-15


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """k(a, b) = (a.b / V + 1)^3 between all rows of two sets; V is the number of features."""
    return (a.astype(np.float64) @ b.astype(np.float64).T / a.shape[1] + 1) ** 3


def kernel_squared(real: np.ndarray, heard: np.ndarray) -> float:
    """KDSD^2: mean over i != j of k(Di, Dj) and of k(D'i, D'j), less twice the mean of k(Di, D'j).

    Unbiased: its mean for two samples of one distribution is 0, so that it may be negative and has no root.

    Args:
        real, heard: [windows, features], at least two windows each.
    """
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(real, real), kernel(heard, heard))]
    return float(sum(within) - 2 * kernel(real, heard).mean())
