"""The header against theory: its CRC, how much noise and fading it survives, and what must not pass for one."""

import binascii
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import optimize, stats

from gr_deepsc.phy import header
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.phy.header import Header, HeaderError
from gr_deepsc.phy.preamble import LONG, PREAMBLES, SHORT

PAYLOAD_BITS = 38
WORKING_POINT = -8.24  # dB: where the payload is at -10 dB and the header 1.76 dB stronger
SHORT_WORKING_POINT = -2.74  # dB: the same at -4.5 dB
SHORT_VECTOR = "94107f66dc4c0e18981064bcf1287f0a7c85729508d080dbcdd7730c74652b05d7c80868"
VECTOR = (
    "dfa329b0b069860a56efaa5055a3379d114aaf12c0aeacbb861b71da579fa3e770a8cd1a6e45b268966a25f47f4d3d27"
    "b94aeb5c8fe1c970a37044b3c818d885ee05323850f84fe04e3b3591687da28331b941d5d6da57fea7cb46229b81a0e7"
    "0f5befd89eb2ba53885a3bbb923002b8"
)


def random_header(rng) -> Header:
    codec, user_id, seq, part, last, frames = (int(rng.integers(n)) for n in (8, 2**16, 32, 4, 2, 512))
    return Header(codec, user_id, seq, part, bool(last), frames + 1)


def received(rng, symbols, es_n0_db, csi=1.0):
    """LLRs behind a channel that the receiver knows."""
    n0 = 10 ** (-es_n0_db / 10)
    y = csi * symbols + np.sqrt(n0) * complex_gaussian(rng, len(symbols))
    return header.demap(y.astype(np.complex64), csi, n0)


def failures(rng, trials, es_n0_db, csi=lambda rng: 1.0, kind=LONG):
    """How many headers were not decoded, and how many as another one."""
    lost = wrong = 0
    for _ in range(trials):
        sent = random_header(rng)
        try:
            wrong += header.decode(received(rng, header.encode(sent, kind), es_n0_db, csi(rng))) != sent
        except HeaderError:
            lost += 1
    return lost, wrong


def normal_approximation(es_n0_db, bits=PAYLOAD_BITS, uses=LONG.header):
    """Polyanskiy, Poor and Verdu 2010, equation 296, for complex uses: Q((n C - k + log2(n) / 2) / sqrt(n V))."""
    snr = 10 ** (es_n0_db / 10)
    capacity = np.log2(1 + snr)
    dispersion = snr * (snr + 2) / (snr + 1) ** 2 * np.log2(np.e) ** 2
    margin = uses * capacity - bits + np.log2(2 * uses) / 2
    return stats.norm.sf(margin / np.sqrt(uses * dispersion))


@pytest.mark.parametrize("kind", PREAMBLES.values(), ids=PREAMBLES)
def test_round_trip(kind):
    rng = np.random.default_rng(0)
    corners = [Header(0, 0, 0, 0, False, 1), Header(7, 65535, 31, 3, True, 512)]
    for sent in corners + [random_header(rng) for _ in range(50)]:
        assert header.decode(received(rng, header.encode(sent, kind), 0)) == sent


@pytest.mark.parametrize(("kind", "vector"), [(LONG, VECTOR), (SHORT, SHORT_VECTOR)], ids=PREAMBLES)
def test_frozen_vector(kind, vector):
    """The bits on air, two a symbol, most significant first: another implementation has to make the same."""
    symbols = header.encode(Header(codec=1, user_id=0xC0DE, seq=17, part=2, last=True, frames=150), kind)
    bits = np.stack([symbols.real < 0, symbols.imag < 0], 1).ravel()
    assert np.packbits(bits).tobytes().hex() == vector


def test_qpsk_that_looks_like_noise():
    """Unit modulus; no header has a line: |DFT|^2 / n is Exp(1) for noise, its largest of 448 rarely above 16."""
    rng = np.random.default_rng(1)
    for sent in [Header(0, 0, 0, 0, False, 1), *(random_header(rng) for _ in range(50))]:
        symbols = header.encode(sent)
        assert symbols.dtype == np.complex64 and symbols.shape == (LONG.header,)
        assert np.allclose(np.abs(symbols), 1)
        assert np.max(np.abs(np.fft.fft(symbols)) ** 2) / LONG.header < 16
        assert abs(np.mean(symbols)) < 4 / np.sqrt(LONG.header)


def test_llrs_are_calibrated():
    """Bits of LLR l are wrong with probability 1 / (1 + e^|l|), whatever the channel."""
    rng, n0 = np.random.default_rng(2), 0.7
    llrs, truth = [], []
    for _ in range(100):
        symbols = header.encode(random_header(rng))
        h = complex_gaussian(rng, LONG.header)
        y = h * symbols + np.sqrt(n0) * complex_gaussian(rng, LONG.header)
        llrs.append(header.demap(y, h, n0))
        truth.append(np.stack([symbols.real < 0, symbols.imag < 0], 1).ravel())
    llrs, truth = np.concatenate(llrs), np.concatenate(truth)
    for least in (0, 0.5, 1, 2, 3):
        chosen = (np.abs(llrs) >= least) & (np.abs(llrs) < least + 0.5)
        theory = float(np.mean(1 / (1 + np.exp(np.abs(llrs[chosen])))))
        measured = np.mean((llrs[chosen] < 0) != truth[chosen])
        assert measured == pytest.approx(theory, abs=4 * np.sqrt(theory / np.count_nonzero(chosen)))


def test_crc_finds_every_one_and_two_bit_errors():
    """CRC-16-CCITT's polynomial has an order of 32,767: 54 bits are far within it."""
    assert binascii.crc_hqx(b"123456789", 0xFFFF) == 0x29B1  # the catalogue's check value
    word = header._with_crc(header._pack(Header(1, 0xC0DE, 17, 2, True, 150)))
    flips = [1 << k for k in range(54)]
    flips += [a | b for a, b in combinations(flips, 2)]
    assert len(flips) == 54 + 54 * 53 // 2
    for flip in flips:
        assert header._with_crc((word ^ flip) >> 16) != word ^ flip
    assert header._with_crc(0) != 0  # nothing sent is no header


@pytest.mark.parametrize(
    ("trials", "es_n0_db"), [(300, WORKING_POINT), pytest.param(6000, WORKING_POINT, marks=pytest.mark.slow)]
)
def test_frame_errors_at_the_working_point(trials, es_n0_db):
    """At most 0.002, and the few that fail are noticed. No code of 38 bits can be better than the theory."""
    lost, wrong = failures(np.random.default_rng(3), trials, es_n0_db)
    theory = normal_approximation(es_n0_db)
    print(f"Es/N0 {es_n0_db} dB: {lost} lost and {wrong} wrong of {trials}; normal approximation {theory:.1e}")
    assert lost + wrong <= stats.binom(trials, 0.002).ppf(0.99)
    assert wrong <= stats.poisson(32 / 2**16 * lost).ppf(0.999)
    assert lost + wrong >= stats.binom(trials, theory).ppf(1e-3)


def test_frame_errors_of_the_short_header():
    """At its working point at most 0.005; no code of 38 bits can be better than the theory, 0.00002."""
    lost, wrong = failures(np.random.default_rng(3), 300, SHORT_WORKING_POINT, kind=SHORT)
    assert normal_approximation(SHORT_WORKING_POINT, uses=SHORT.header) == pytest.approx(1.5e-5, rel=0.1)
    assert lost + wrong <= stats.binom(300, 0.005).ppf(0.99)


@pytest.mark.parametrize("trials", [400, pytest.param(4000, marks=pytest.mark.slow)])
def test_distance_to_theory(trials):
    """Within 0.4 dB of the theory for 54 bits, and within 1.75 dB of that for 38: the CRC's 16 bits are the price
    of noticing an error, which the theory does not ask for."""
    es_n0_db = -9.5
    lost, wrong = failures(np.random.default_rng(4), trials, es_n0_db)
    rate = (lost + wrong) / trials
    same = {
        bits: optimize.brentq(lambda x, bits=bits: np.log(normal_approximation(x, bits) / rate), -13, -6)
        for bits in (PAYLOAD_BITS, PAYLOAD_BITS + 16)
    }
    print(f"Es/N0 {es_n0_db} dB: frame error rate {rate:.4f}; theory has it at {same} dB")
    assert es_n0_db - same[PAYLOAD_BITS + 16] < 0.4
    assert 0 < es_n0_db - same[PAYLOAD_BITS] < 1.75


def faded(rng, depth=0.0, length=128):
    """A channel of random phase that is `depth` in one stretch of `length` symbols."""
    h = np.full(LONG.header, np.exp(2j * np.pi * rng.uniform()))
    start = rng.integers(LONG.header - length + 1)
    h[start : start + length] *= depth
    return h.astype(np.complex64)


def test_one_fade_of_128_symbols():
    """Erased wherever it falls, the other 320 symbols at -6 dB: at least 0.99 correct."""
    lost, wrong = failures(np.random.default_rng(5), 300, -6, faded)
    print(f"128 of {LONG.header} symbols erased, the rest at -6 dB: {lost + wrong} of 300 lost")
    assert lost + wrong <= 3


def test_block_fading():
    """Rayleigh, one coefficient in 128 symbols, mean Es/N0 of 0 dB: lost no oftener than their mean is too low.

    The code spreads over the four coefficients: what counts is their mean gain, about Gamma of shape 3.5,
    above the working point.
    """
    lost, wrong = failures(
        np.random.default_rng(6), 300, 0, lambda rng: np.repeat(complex_gaussian(rng, 4), 128)[: LONG.header]
    )
    theory = stats.gamma(3.5, scale=1 / 3.5).cdf(10 ** (WORKING_POINT / 10))
    print(f"Rayleigh block fading at 0 dB: {lost + wrong} of 300 lost, theory {300 * theory:.1f}")
    assert lost + wrong <= stats.binom(300, theory).ppf(0.999)


def test_noise_is_no_header():
    """32 words are tried against 16 bits of CRC and 2 of version: 0.02 false headers are expected in 200."""
    rng = np.random.default_rng(7)
    for _ in range(200):
        noise = complex_gaussian(rng, LONG.header)
        with pytest.raises(HeaderError) as caught:
            header.decode(header.demap(noise, np.complex64(1), 1.0))
        assert caught.value.error_type in ("header_crc", "header_version")


@pytest.mark.slow
def test_false_acceptance_probability():
    """Of any version 2^-11; within four standard deviations of it, or below."""
    rng, accepted, trials = np.random.default_rng(8), 0, 8000
    for _ in range(trials):
        try:
            header.decode(header.demap(complex_gaussian(rng, LONG.header), np.complex64(1), 10.0))
            accepted += 1
        except HeaderError as error:
            accepted += error.error_type == "header_version"
    print(f"{accepted} of {trials} noises with a right CRC, {trials * 2**-11:.1f} expected")
    assert accepted <= stats.poisson(trials * 2**-11).ppf(0.9999)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 100.0])
def test_constant_llrs_are_no_header(value):
    with pytest.raises(HeaderError):
        header.decode(np.full(2 * LONG.header, value, np.float32))


def test_another_version_is_its_own_error(monkeypatch):
    sent = Header(1, 7, 1, 0, True, 20)
    monkeypatch.setattr(header, "_VERSION_1", 3 << 36)
    symbols = header.encode(sent)
    monkeypatch.undo()
    with pytest.raises(HeaderError, match="version 3, not 1 or 2") as caught:
        header.decode(header.demap(symbols, np.complex64(1), 0.1))
    assert caught.value.error_type == "header_version"


def test_a_dead_or_broken_channel_is_harmless():
    """h = 0, N0 = 0, NaN and infinity: finite LLRs, and what is left is enough."""
    sent = Header(1, 7, 1, 0, True, 20)
    y = header.encode(sent)
    csi, n0 = np.ones(LONG.header, np.complex64), np.full(LONG.header, 0.5)
    y[:40], csi[40:80], n0[80:120], csi[120:160], y[160:200] = np.nan, 0, 0, np.nan, 0
    csi[190:200], n0[190:200] = 0, 0
    llrs = header.demap(y, csi, n0)
    assert np.isfinite(llrs).all() and np.abs(llrs).max() <= 100
    assert header.decode(llrs) == sent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("codec", 16),
        ("codec", -1),
        ("user_id", 65_536),
        ("seq", 32),
        ("part", 4),
        ("last", 2),
        ("frames", 0),
        ("frames", 513),
        ("frames", 1.5),
        ("user_id", "7"),
        ("seq", None),
    ],
)
def test_fields_out_of_range(field, value):
    with pytest.raises(ValueError, match=f"{field} is .*must be an integer"):
        header.encode(replace(Header(0, 0, 0, 0, False, 1), **{field: value}))
