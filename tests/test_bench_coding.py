"""Modulation, CRC and source code of the compared systems, against their theory."""

import numpy as np
import pytest
from coded import demap_one_by_one
from deepsc_bench.coding import crc, huffman
from deepsc_bench.coding.qam import Qam
from scipy.special import erfc

from gr_deepsc.phy import channel
from gr_deepsc.text import ALPHABET


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_constellation(bits):
    """Unit energy, and of two neighbours one bit differs: Gray."""
    qam = Qam(bits)
    labels = (np.arange(2**bits)[:, None] >> np.arange(bits) & 1).astype(np.uint8)
    points = qam.modulate(labels.reshape(-1))
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1)
    distance = np.abs(points[:, None] - points)
    near = np.isclose(distance, distance[distance > 1e-6].min(), rtol=1e-3)
    assert near.any(1).all()
    assert (labels[:, None] != labels).sum(2)[near].max() == 1


@pytest.mark.parametrize(("bits", "es_n0_db"), [(2, 4), (2, 8), (6, 10), (6, 14), (6, 18)])
def test_symbol_errors(bits, es_n0_db):
    """Square QAM without code in AWGN: 1 - (1 - P)^2, P = 2 (1 - 1 / sqrt M) Q(sqrt(3 Es/N0 / (M - 1))) (Proakis).

    A bit is decided by all points, not by the nearest: at 10 dB in 64-QAM 1 % of the symbols differ.
    """
    qam, rng = Qam(bits), np.random.default_rng(bits * 100 + es_n0_db)
    sent = rng.integers(0, 2, 60_000 * bits, dtype=np.uint8)
    received = channel.transmit(qam.modulate(sent), "awgn", es_n0_db, rng)
    wrong = ((qam.demodulate(*received) < 0) != sent).reshape(-1, bits).any(1).mean()
    size, es_n0 = 2**bits, 10 ** (es_n0_db / 10)
    p = (1 - size**-0.5) * erfc(np.sqrt(1.5 * es_n0 / (size - 1)))
    theory = 1 - (1 - p) ** 2
    print(f"{size}-QAM at {es_n0_db} dB: {wrong:.5f} of the symbols wrong, theory {theory:.5f}")
    assert wrong == pytest.approx(theory, abs=4 * np.sqrt(theory / 60_000), rel=0.015)


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_demapper_equals_brute_force(bits):
    qam, rng = Qam(bits), np.random.default_rng(bits)
    for es_n0_db in (-10, 0, 10, 25):
        sent = rng.integers(0, 2, 300 * bits, dtype=np.uint8)
        received = channel.transmit(qam.modulate(sent), "rayleigh", es_n0_db, rng, block=1)
        brute = demap_one_by_one(qam, *received)
        assert np.allclose(qam.demodulate(*received), brute, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("n0", [1e-6, 1e-12, 0.0])
def test_demapper_without_noise(n0):
    """60 dB and more, deep fades and none: every LLR is finite, and right wherever there is a channel."""
    qam, rng = Qam(6), np.random.default_rng(7)
    sent = rng.integers(0, 2, 600, dtype=np.uint8)
    h = np.repeat(np.array([1, 0.3j, -30, 1e-20, 0], np.complex64), 20)
    llrs = qam.demodulate(h * qam.modulate(sent), h, n0)
    assert np.isfinite(llrs).all()
    assert np.array_equal(llrs[:360] < 0, sent[:360])
    assert not llrs[480:].any()


def test_modulator_refuses_half_symbols():
    with pytest.raises(ValueError, match="7 bits are no whole number of symbols of 6"):
        Qam(6).modulate(np.zeros(7, np.uint8))


def test_crc_is_long_division():
    """x^11 + x^10 + x^9 + x^5 + 1 divides message and inverted check bits: by division of Python's integers."""
    rng = np.random.default_rng(1)
    for length in (1, 5, 85, 256):
        word = crc.append(rng.integers(0, 2, length, dtype=np.uint8))
        assert len(word) == length + 11
        remainder = int("".join(map(str, word)), 2) ^ 0b111_1111_1111
        while remainder.bit_length() > 11:
            remainder ^= 0b1110_0010_0001 << remainder.bit_length() - 12
        assert remainder == 0
        assert crc.passes(word)


def test_crc_finds_bursts():
    """All bursts of up to 11 bits, at every place; of longer ones of random bits, 1 in 2048 gets by."""
    rng = np.random.default_rng(2)
    word = crc.append(rng.integers(0, 2, 85, dtype=np.uint8))
    for length in range(1, 12):
        inside = np.arange(2 ** max(length - 2, 0))[:, None] >> np.arange(max(length - 2, 0)) & 1
        ends = np.ones((len(inside), 1), int)
        bursts = np.hstack([ends, inside, ends] if length > 1 else [ends]).astype(np.uint8)
        for place in range(len(word) - length + 1):
            hit = np.tile(word, (len(bursts), 1))
            hit[:, place : place + length] ^= bursts
            assert not crc.passes(hit).any()
    count = 500_000
    noise = rng.integers(0, 2, (count, 40), dtype=np.uint8)
    passed = crc.passes(noise).sum()
    assert passed == pytest.approx(count / 2048, abs=4 * np.sqrt(count / 2048))


def test_nothing_received_fails_the_crc():
    assert not crc.passes(np.zeros((3, 96), np.uint8)).any()


def test_huffman_is_as_short_as_can_be():
    """H <= mean length < H + 1, and Kraft's sum is 1: no bit pattern is left over (Huffman 1952)."""
    counts, code = huffman.counts(), huffman.code()
    assert sorted(counts) == sorted(ALPHABET)
    p = np.array([counts[c] for c in ALPHABET]) / sum(counts.values())
    lengths = np.array([len(code[c]) for c in ALPHABET])
    entropy, mean = -(p * np.log2(p)).sum(), p @ lengths
    print(f"entropy {entropy:.3f}, mean length {mean:.3f} bits a character")
    assert entropy <= mean < entropy + 0.1
    assert (2.0**-lengths).sum() == 1


def test_huffman_round_trip():
    rng = np.random.default_rng(3)
    for text in ("", "a", ALPHABET, "it was not a large lake", "".join(rng.choice([*ALPHABET], 5000))):
        assert huffman.decode(huffman.encode(text)) == text


def test_huffman_reads_any_bits():
    """A wrong bit costs a few characters before the code is in step again; random bits are text as well."""
    rng = np.random.default_rng(4)
    text = "the new jail fell as far short of the demands made on it as did the old " * 5
    bits = huffman.encode(text)
    kept = []
    for place in rng.integers(0, len(bits) // 2, 50):
        wrong = bits.copy()
        wrong[place] ^= 1
        heard = huffman.decode(wrong)
        kept.append(next(k for k in range(len(text)) if heard[len(heard) - k - 1] != text[len(text) - k - 1]))
    assert np.median(kept) > len(text) / 2
    noise = huffman.decode(rng.integers(0, 2, 4000, dtype=np.uint8))
    assert set(noise) <= set(ALPHABET)
    assert huffman.decode(bits[:-1]) == text[:-1]


def test_huffman_refuses_other_characters():
    with pytest.raises(ValueError, match="'É' is not one of the 28"):
        huffman.encode("É")
