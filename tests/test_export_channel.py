"""The differentiable channel against theory and against its NumPy twin in gr_deepsc.phy."""

import numpy as np
import pytest
import torch
from deepsc_export.layers import channel
from scipy import special, stats

from gr_deepsc.phy import equalise


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(20)


def qpsk(rows: int, n: int) -> torch.Tensor:
    bits = torch.randint(0, 2, (rows, n, 2)) * 2.0 - 1
    return torch.view_as_complex(bits / 2**0.5)


@pytest.mark.parametrize("es_n0_db", [-10.0, 0.0, 20.0])
def test_noise_variance(es_n0_db):
    """E|n|^2 = 10^(-Es/N0/10), within four standard deviations 1/sqrt(n)."""
    x = qpsk(4, 100_000)
    noise = channel.transmit(x, "awgn", es_n0_db).symbols - x
    n0 = 10 ** (-es_n0_db / 10)
    assert noise.abs().square().mean().item() == pytest.approx(n0, rel=4 / 400_000**0.5)


@pytest.mark.parametrize(
    "kind, k, law",
    [
        ("rayleigh", 1.0, stats.rayleigh(scale=0.5**0.5)),
        ("rician", 1.0, stats.rice(b=2**0.5, scale=0.5)),
        ("rician", 4.0, stats.rice(b=8**0.5, scale=0.1**0.5)),
    ],
)
def test_fading_distribution(kind, k, law):
    """|h| by Kolmogorov-Smirnov; Rice: line of sight sqrt(K/(K+1)), sigma^2 = 1/(2(K+1)); E|h|^2 = 1."""
    h = channel.fading(kind, 10, 2_000, k).abs().flatten().numpy()
    assert stats.kstest(h, law.cdf).pvalue > 0.01
    assert np.mean(h**2) == pytest.approx(1.0, abs=4 / len(h) ** 0.5)


def test_blocks_are_independent():
    """One h for 128 symbols, another for the next, uncorrelated: |r| < 4/sqrt(blocks)."""
    h = channel.transmit(qpsk(1, 128 * 2_000 + 5), "rayleigh", 20).csi[0].numpy()
    assert len(h) == 128 * 2_000 + 5
    blocks = h[: 128 * 2_000].reshape(2_000, 128)
    assert np.all(blocks == blocks[:, :1])
    first = blocks[:, 0]
    assert abs(np.vdot(first[:-1], first[1:])) / 1_999 < 4 / 2_000**0.5


@pytest.mark.parametrize("kind", ["awgn", "rayleigh"])
@pytest.mark.parametrize("es_n0_db", [0.0, 8.0])
def test_qpsk_error_rate(kind, es_n0_db):
    """Bit error rate of Gray QPSK (Proakis): Q(sqrt(Es/N0)); over Rayleigh (1 - sqrt(g/(1+g)))/2, g = Eb/N0."""
    x = qpsk(1, 400_000)
    z, _ = channel.mmse(channel.transmit(x, kind, es_n0_db, block=1))
    wrong = (torch.view_as_real(z)[0] > 0) != (torch.view_as_real(x)[0] > 0)
    g = 10 ** (es_n0_db / 10) / 2
    theory = 0.5 * special.erfc(g**0.5) if kind == "awgn" else 0.5 * (1 - (g / (1 + g)) ** 0.5)
    assert wrong.float().mean().item() == pytest.approx(theory, abs=4 * (theory / 400_000) ** 0.5)


def test_equalisers_agree_with_numpy():
    """torch and NumPy equalise the same received symbols alike."""
    received = channel.transmit(qpsk(1, 1_000), "rician", 3.0)
    y, h, n0 = received.symbols[0].numpy(), received.csi[0].numpy(), float(received.n0)
    for ours, theirs in (
        (channel.mmse(received), equalise.mmse(y, h, n0)),
        (channel.zero_forcing(received), equalise.zero_forcing(y, h)),
    ):
        for a, b in zip(ours, theirs, strict=True):
            assert np.abs(a[0].numpy() - b).max() < 1e-4 * max(1, np.abs(b).max())


def test_es_n0_a_row_and_gradient():
    """Each row has its own Es/N0, and the gradient of sum|y|^2 / 2 by x is |h|^2 x + conj(h) n."""
    x = qpsk(2, 50_000).requires_grad_()
    received = channel.transmit(x, "rician", torch.tensor([0.0, 20.0]))
    power = (received.symbols - received.csi * x).abs().square().mean(1)
    assert power.tolist() == pytest.approx([1.0, 0.01], rel=0.03)
    (received.symbols.abs().square().sum() / 2).backward()
    assert torch.allclose(x.grad, received.csi.conj() * received.symbols, atol=1e-5)


def test_unknown_channel():
    with pytest.raises(ValueError, match="'nakagami' is none of awgn, rayleigh"):
        channel.transmit(qpsk(1, 4), "nakagami", 0)
