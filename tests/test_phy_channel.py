"""The channels against theory: noise power, fading distributions and QPSK error rates."""

import numpy as np
import pytest
from scipy import special, stats

from gr_deepsc.phy import channel, equalise


def qpsk(rng: np.random.Generator, n: int) -> np.ndarray:
    return ((rng.choice([-1, 1], n) + 1j * rng.choice([-1, 1], n)) / np.sqrt(2)).astype(np.complex64)


def bit_errors(z: np.ndarray, x: np.ndarray) -> float:
    wrong = np.count_nonzero((z.real > 0) != (x.real > 0)) + np.count_nonzero((z.imag > 0) != (x.imag > 0))
    return wrong / (2 * len(x))


@pytest.mark.parametrize("es_n0_db", [-10.0, -2.0, 0.0, 8.0, 20.0])
def test_noise_variance(es_n0_db):
    """E|n|^2 = 10^(-Es/N0/10), half of it in each component; |n|^2's mean deviates by 1/sqrt(n)."""
    n = 200_000
    sent = qpsk(np.random.default_rng(1), n)
    received, _, n0 = channel.transmit(sent, "awgn", es_n0_db, np.random.default_rng(2))
    noise = received.astype(np.complex128) - sent
    assert n0 == pytest.approx(10 ** (-es_n0_db / 10))
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(n0, rel=4 / np.sqrt(n))
    assert np.mean(noise.real**2) == pytest.approx(n0 / 2, rel=4 * np.sqrt(2 / n))
    assert abs(np.mean(noise)) < 4 * np.sqrt(n0 / n)


@pytest.mark.parametrize("kind, rician_k", [("rayleigh", 0.0), ("rician", 1.0), ("rician", 4.0)])
def test_unit_mean_power(kind, rician_k):
    """E|h|^2 = 1 whatever K is; |h|^2 of a Rayleigh channel is the noisiest, with variance 1."""
    h = channel.fading(kind, 100_000, np.random.default_rng(3), rician_k)
    assert np.mean(np.abs(h) ** 2) == pytest.approx(1.0, abs=4 / np.sqrt(len(h)))


def test_rayleigh_distribution():
    """|h| of CN(0, 1) is Rayleigh with scale sqrt(1/2) and the phase is uniform (Kolmogorov-Smirnov)."""
    h = channel.fading("rayleigh", 20_000, np.random.default_rng(4))
    assert stats.kstest(np.abs(h), stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 0.01
    assert stats.kstest(np.angle(h), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01


@pytest.mark.parametrize("k", [0.5, 1.0, 10.0])
def test_rician_distribution(k):
    """|h| is Rice with line of sight sqrt(K/(K+1)) and scatter of sigma^2 = 1/(2(K+1)) a component."""
    h = channel.fading("rician", 20_000, np.random.default_rng(5), k)
    sigma = np.sqrt(1 / (2 * (k + 1)))
    rice = stats.rice(b=np.sqrt(k / (k + 1)) / sigma, scale=sigma)
    assert stats.kstest(np.abs(h), rice.cdf).pvalue > 0.01


def test_ks_test_can_fail():
    """The same test tells Rician K = 1 from Rayleigh, so passing it means something."""
    h = channel.fading("rician", 20_000, np.random.default_rng(6), 1.0)
    assert stats.kstest(np.abs(h), stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue < 1e-6


@pytest.mark.parametrize("es_n0_db", [0.0, 4.0, 8.0])
def test_qpsk_awgn(es_n0_db):
    """Gray QPSK in AWGN: bit error rate Q(sqrt(Es/N0)) (Proakis, Digital Communications)."""
    rng = np.random.default_rng(7)
    sent = qpsk(rng, 500_000)
    received, h, n0 = channel.transmit(sent, "awgn", es_n0_db, rng)
    theory = 0.5 * special.erfc(np.sqrt(1 / n0 / 2))
    deviation = np.sqrt(theory * (1 - theory) / (2 * len(sent)))
    assert bit_errors(equalise.mmse(received, h, n0)[0], sent) == pytest.approx(theory, abs=4 * deviation)


@pytest.mark.parametrize("es_n0_db", [0.0, 8.0, 20.0])
@pytest.mark.parametrize("equaliser", ["mmse", "zf"])
def test_qpsk_rayleigh(es_n0_db, equaliser):
    """Coherent Gray QPSK over Rayleigh: (1 - sqrt(g/(1+g)))/2 with g = Eb/N0 (Proakis).

    Either equaliser keeps the decision: they differ by a positive factor a symbol. Block 1 makes the symbols
    independent, so that the binomial deviation holds.
    """
    rng = np.random.default_rng(8)
    sent = qpsk(rng, 400_000)
    received, h, n0 = channel.transmit(sent, "rayleigh", es_n0_db, rng, block=1)
    z = equalise.mmse(received, h, n0)[0] if equaliser == "mmse" else equalise.zero_forcing(received, h)[0]
    g = 1 / n0 / 2
    theory = 0.5 * (1 - np.sqrt(g / (1 + g)))
    # A symbol's two bits share its fade: at worst they err together, hence n and not 2 n.
    assert bit_errors(z, sent) == pytest.approx(theory, abs=4 * np.sqrt(theory / len(sent)))


def test_blocks():
    """h is constant over 128 symbols, independent between blocks, and the last block may be short."""
    _, h, _ = channel.transmit(np.ones(300, np.complex64), "rayleigh", 10.0, np.random.default_rng(9))
    assert len(h) == 300
    assert [len(np.unique(h[a:b])) for a, b in ((0, 128), (128, 256), (256, 300))] == [1, 1, 1]
    assert len(np.unique(h)) == 3

    h = channel.fading("rayleigh", 50_000, np.random.default_rng(10))
    assert abs(np.mean(h[1:] * np.conj(h[:-1]))) < 4 / np.sqrt(len(h))


def test_clean_channel():
    """`none` changes nothing, so what differs behind it is the codec's own doing."""
    sent = qpsk(np.random.default_rng(11), 1_000)
    received, h, n0 = channel.transmit(sent, "none", -20.0, np.random.default_rng(12))
    assert np.array_equal(received, sent) and np.all(h == 1) and n0 == 0


def test_seeded():
    """The generator is the only source of randomness."""
    sent = qpsk(np.random.default_rng(13), 500)
    first, again, other = (
        channel.transmit(sent, "rician", 3.0, np.random.default_rng(seed)).symbols for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_empty():
    """No symbols, no blocks, no error."""
    received, h, _ = channel.transmit(np.zeros(0, np.complex64), "rayleigh", 3.0, np.random.default_rng(14))
    assert len(received) == len(h) == 0


@pytest.mark.parametrize("wrong", [{"kind": "awgm"}, {"block": 0}, {"rician_k": -1.0}, {"rician_k": float("nan")}])
def test_wrong_parameters(wrong):
    """One sentence that names the parameter, before any symbol is sent."""
    arguments = {"kind": "rician", "es_n0_db": 3.0, **wrong}
    with pytest.raises(ValueError, match=r"must be|none of"):
        channel.transmit(np.ones(10, np.complex64), rng=np.random.default_rng(15), **arguments)
