"""Gray-mapped square QAM (3GPP TS 38.211, section 5.1) and its exact soft demapper."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_LEAST_N0 = 1e-6  # a channel without noise is taken for one of 60 dB, so that every LLR is finite


@dataclass(frozen=True)
class Qam:
    """E|x|^2 = 1. A symbol's bits of even place choose its real part, those of odd place the imaginary one."""

    bits: int  # a symbol: 2 is QPSK, 6 is 64-QAM

    @cached_property
    def labels(self) -> np.ndarray:
        """The bits of each amplitude of one part: uint8 [2^(bits / 2), bits / 2]."""
        half = self.bits // 2
        return (np.arange(2**half)[:, None] >> np.arange(half)[::-1] & 1).astype(np.uint8)

    @cached_property
    def amplitudes(self) -> np.ndarray:
        """float64 [2^(bits / 2)], in the order of `labels`."""
        signs = 1.0 - 2.0 * self.labels
        x = signs[:, -1]
        for k in range(1, self.bits // 2):
            x = signs[:, -1 - k] * (2**k - x)
        return x / np.sqrt(2 * np.mean(x**2))

    def modulate(self, bits: np.ndarray) -> np.ndarray:
        """uint8 [n * bits] -> complex64 [n].

        Raises:
            ValueError: no whole number of symbols.
        """
        if len(bits) % self.bits:
            raise ValueError(f"{len(bits)} bits are no whole number of symbols of {self.bits}")
        places = bits.reshape(-1, self.bits // 2, 2) * (1 << np.arange(self.bits // 2)[::-1])[:, None]
        parts = self.amplitudes[places.sum(1)]
        return (parts[:, 0] + 1j * parts[:, 1]).astype(np.complex64)

    def demodulate(self, received: np.ndarray, csi: np.ndarray, n0: float) -> np.ndarray:
        """ln P(bit = 0) / P(bit = 1) of all bits, equally likely beforehand: float32 [n * bits], finite.

        Sums over all amplitudes: ln P(y | x) = (2 x Re(h* y) - |h|^2 x^2) / N0 + what is the same for all x of a
        part. Nothing is divided by h: where it is 0, so are the LLRs.

        Args:
            received, csi: complex64 [n], y = h x + n.
            n0: E|n|^2 >= 0, linear.
        """
        h, y = csi.astype(np.complex128), received.astype(np.complex128)
        matched = np.conj(h) * y
        parts = np.stack([matched.real, matched.imag], axis=1)[..., None]  # [n, 2, 1]
        power = (np.abs(h) ** 2)[:, None, None]
        x = self.amplitudes
        metric = (2 * x * parts - power * x**2) / max(n0, _LEAST_N0)
        llrs = [
            _log_sum(metric[..., self.labels[:, k] == 0]) - _log_sum(metric[..., self.labels[:, k] == 1])
            for k in range(self.bits // 2)
        ]
        return np.stack(llrs, axis=1).reshape(-1).astype(np.float32)  # [n, place, part]


def _log_sum(metric: np.ndarray) -> np.ndarray:
    """ln of the sum of e^metric over the last axis."""
    top = metric.max(axis=-1)
    return top + np.log(np.exp(metric - top[..., None]).sum(axis=-1))
