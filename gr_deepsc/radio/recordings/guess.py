"""The format of samples without a header, by their bytes."""

import numpy as np

FINITE = 0.999  # of numbers that are sensible as floats; of other formats' bytes hardly a fifth is
LEAST, MOST = 1e-9, 1e6  # sizes of sensible ones, if not 0
HIGH_BYTE_BITS = (
    0.7  # less entropy in the high bytes of 16-bit samples than in the low ones; I and Q of 8 bits are alike
)


def datatype(raw: bytes) -> str | None:
    """cf32_le, ci16_le, ci8 or cu8; None where there is nothing but zeros.

    Args:
        raw: bytes from the beginning of a sample on.
    """
    parts = np.frombuffer(raw[: len(raw) // 8 * 8], np.uint8)
    if not parts.any():
        return None
    with np.errstate(invalid="ignore"):
        sizes = np.abs(parts.view("<f4").astype(float))
    if np.mean((sizes == 0) | ((sizes > LEAST) & (sizes < MOST))) >= FINITE:
        return "cf32_le"
    if _entropy(parts[::2]) - _entropy(parts[1::2]) > HIGH_BYTE_BITS:
        return "ci16_le"
    # Without a signal unsigned bytes lie about 127.5, signed ones about 0.
    unsigned, signed = np.abs(parts - 127.5).mean(), np.abs(parts.view(np.int8).astype(float)).mean()
    return "cu8" if unsigned < signed else "ci8"


def _entropy(values: np.ndarray) -> float:
    """Bits of uint8 [n]."""
    share = np.bincount(values, minlength=256) / len(values)
    share = share[share > 0]
    return float(-np.sum(share * np.log2(share)))
