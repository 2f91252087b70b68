"""Undo a known channel h, symbol by symbol, and say how much each result is worth.

Both return (z, rho): z complex64 [n] for the decoder, and its reliability rho float32 [n] in 0..1.
"""

import numpy as np


def mmse(received: np.ndarray, csi: np.ndarray, n0: float) -> tuple[np.ndarray, np.ndarray]:
    """Minimum mean square error: z = conj(h) y / (|h|^2 + N0), for E|x|^2 = 1.

    With g = |h|^2 / N0, the symbol's own SNR, rho = g / (1 + g): z = rho x + noise of variance rho (1 - rho).
    A fade makes z small instead of noisy, and rho tells the decoder so. N0 = 0 gives rho = 1 (0 where h = 0).

    Args:
        received: complex64 [n], y = h x + n.
        csi: complex64 [n], h.
        n0: noise variance E|n|^2 >= 0, linear.
    """
    power = np.abs(csi.astype(np.complex128)) ** 2
    total = power + n0
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(total > 0, np.conj(csi) * received / total, 0)
        rho = np.where(total > 0, power / total, 0)
    return z.astype(np.complex64), rho.astype(np.float32)


def zero_forcing(received: np.ndarray, csi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The paper's equaliser: z = y / h, noise and all, taken at face value (rho = 1).

    A coefficient of exactly 0 carries nothing: z = 0 and rho = 0 there, and no infinity reaches the decoder.
    """
    alive = csi != 0
    z = np.divide(received, csi, out=np.zeros(len(received), np.complex64), where=alive)
    return z, alive.astype(np.float32)
