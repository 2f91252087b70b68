"""Complex products that come out the same to the last bit, whatever the memory looks like.

NumPy multiplies complex arrays with fused multiply-add, but without where the result happens to lie right behind an
operand in memory; np.abs has two ways as well. A receiver whose output must not depend on the pieces in which it is
fed uses these.
"""

import numpy as np


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a * b of complex arrays, broadcast."""
    real = a.real * b.real - a.imag * b.imag
    out = np.empty(real.shape, np.result_type(a, b))
    out.real = real
    out.imag = a.real * b.imag + a.imag * b.real
    return out


def square(a: np.ndarray) -> np.ndarray:
    """|a|^2 of a complex array."""
    return a.real * a.real + a.imag * a.imag


def scaled(a: np.ndarray, by: np.ndarray) -> np.ndarray:
    """a * by of a complex and a real array, broadcast."""
    real = a.real * by
    out = np.empty(real.shape, np.result_type(a, by))
    out.real = real
    out.imag = a.imag * by
    return out
