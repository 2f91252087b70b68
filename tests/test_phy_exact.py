"""Complex products whose last bit does not depend on where their operands lie."""

import numpy as np

from gr_deepsc.phy.exact import product, square


def test_product_and_square():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 50, 2)) @ [1, 1j]
    assert np.allclose(product(a, b), a * b, rtol=1e-15)
    assert np.allclose(square(a), np.abs(a) ** 2, rtol=1e-15)
    assert product(a[:, None].astype(np.complex64), b[None].astype(np.complex64)).shape == (50, 50)
    assert product(a.astype(np.complex64), b.astype(np.complex64)).dtype == np.complex64


def test_same_bits_wherever_the_operands_lie():
    """NumPy's own multiplication rounds otherwise where the result begins right behind an operand."""
    rng, n = np.random.default_rng(1), 789
    a, b = (rng.standard_normal((2, n, 2)) @ [1, 1j]).astype(np.complex64)
    memory = np.zeros(3 * n, np.complex64)
    expected = product(a, b)
    for offset in (0, 1, 2, n):
        memory[offset : offset + n] = a
        assert np.array_equal(product(memory[offset : offset + n], b), expected)
        assert np.array_equal(square(memory[offset : offset + n]), square(a))
