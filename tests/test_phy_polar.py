"""The polar code: its transform, which places it trusts, and a list decoder that equals an exhaustive one."""

import numpy as np
import pytest

from gr_deepsc.phy import polar


def test_transform_is_its_own_inverse():
    u = np.random.default_rng(0).integers(0, 2, (20, 512), dtype=np.uint8)
    assert np.array_equal(polar.transform(polar.transform(u)), u)


def test_transform_is_arikans():
    """x = u F kron F kron F, F = [[1, 0], [1, 1]]."""
    kernel = np.array([[1, 0], [1, 1]], np.uint8)
    generator = np.kron(np.kron(kernel, kernel), kernel)
    assert np.array_equal(polar.transform(np.eye(8, dtype=np.uint8)), generator)


def test_encoder_is_linear_and_far_from_zero():
    """Of 512 bits with 54 trusted places, the lightest row of the generator has weight 64, and with it the code."""
    information = polar.information_set(512, 54)
    rows = polar.encode(np.eye(54, dtype=np.uint8), information)
    assert rows.sum(1).min() == 64
    rng = np.random.default_rng(1)
    messages = rng.integers(0, 2, (200, 54), dtype=np.uint8)
    words = polar.encode(messages, information)
    assert np.array_equal(polar.encode(messages[0] ^ messages[1], information), words[0] ^ words[1])
    assert words.sum(1).min() >= 64


@pytest.mark.parametrize(("length", "count"), [(8, 4), (32, 11), (128, 29), (512, 54)])
def test_information_set_is_nested_and_respects_the_partial_order(length, count):
    """Place i is at least as good as j if its bits contain j's: degradation, Schuerch 2016."""
    chosen = polar.information_set(length, count)
    assert np.count_nonzero(chosen) == count
    assert not np.any(polar.information_set(length, count - 1) & ~chosen)
    for j in np.flatnonzero(chosen):
        assert chosen[[i for i in range(length) if i & j == j]].all()


def test_clean_words_come_back():
    rng = np.random.default_rng(2)
    information = polar.information_set(512, 54)
    for message in rng.integers(0, 2, (20, 54), dtype=np.uint8):
        llrs = 4.0 - 8.0 * polar.encode(message, information)
        assert np.array_equal(polar.decode(llrs, information)[0], message)


@pytest.mark.parametrize("count", [1, 4, 6, 9])
def test_a_list_of_all_messages_is_in_order_of_likelihood(count):
    """With 2^K paths nothing is dropped: the order is that of the correlation with every codeword."""
    rng = np.random.default_rng(3)
    information = polar.information_set(32, count)
    everything = (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(np.uint8)
    for _ in range(20):
        llrs = rng.normal(0.5, 1, 32)
        found = polar.decode(llrs, information, 2**count)
        assert {*map(bytes, found)} == {*map(bytes, everything)}
        likelihood = (1 - 2.0 * polar.encode(found, information)) @ llrs
        assert np.diff(likelihood).max() < 1e-4  # single precision


def test_a_longer_list_is_better():
    """Block errors of the best path, 64 bits with 20 of message, LLRs of mean 1.2 and variance 2.4."""
    rng, information, errors = np.random.default_rng(4), polar.information_set(64, 20), np.zeros(2, int)
    for message in rng.integers(0, 2, (200, 20), dtype=np.uint8):
        signs = 1 - 2.0 * polar.encode(message, information)
        llrs = 1.2 * signs + np.sqrt(2.4) * rng.normal(size=64)
        errors += [np.any(polar.decode(llrs, information, paths)[0] != message) for paths in (1, 32)]
    print(f"block errors in 200: {errors[0]} with one path, {errors[1]} with 32")
    assert errors[1] < errors[0]
