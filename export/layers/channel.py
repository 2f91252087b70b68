"""The differentiable channel: y = h x + n over batches, as `gr_deepsc.phy.channel` but in torch.

SNR is Es/N0 per complex symbol with E|x|^2 = 1; one fading coefficient h holds for a block of symbols.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gr_deepsc.phy.channel import BLOCK, KINDS, RICIAN_K


class Received(NamedTuple):
    """What leaves a channel, as `gr_deepsc.phy.channel.Received`."""

    symbols: Tensor  # y, complex64 [batch, n]
    csi: Tensor  # h, complex64 [batch, n]
    n0: Tensor  # noise variance, float32 [batch, 1]


def fading(
    kind: str, batch: int, blocks: int, rician_k: float = RICIAN_K, device: torch.device | None = None
) -> Tensor:
    """Independent coefficients complex64 [batch, blocks] with E|h|^2 = 1.

    Raises:
        ValueError: `kind` is none of `gr_deepsc.phy.channel.KINDS`.
    """
    if kind not in KINDS:
        raise ValueError(f"channel {kind!r} is none of {', '.join(KINDS)}")
    if kind in ("awgn", "none"):
        return torch.ones(batch, blocks, dtype=torch.complex64, device=device)
    scatter = torch.randn(batch, blocks, dtype=torch.complex64, device=device)  # CN(0, 1)
    if kind == "rayleigh":
        return scatter
    return (rician_k**0.5 + scatter) / (rician_k + 1) ** 0.5


def transmit(
    symbols: Tensor, kind: str, es_n0_db: Tensor | float, block: int = BLOCK, rician_k: float = RICIAN_K
) -> Received:
    """Sends complex64 [batch, n] over one channel; `es_n0_db` is one figure or one a row, in dB."""
    (batch, n), device = symbols.shape, symbols.device
    h = fading(kind, batch, -(-n // block), rician_k, device).repeat_interleave(block, dim=1)[:, :n]
    es_n0_db = torch.as_tensor(es_n0_db, dtype=torch.float32, device=device).expand(batch)[:, None]
    n0 = torch.zeros(batch, 1, device=device) if kind == "none" else 10 ** (-es_n0_db / 10)
    return Received(h * symbols + n0.sqrt() * torch.randn_like(symbols), h, n0)


def mmse(received: Received) -> tuple[Tensor, Tensor]:
    """z = conj(h) y / (|h|^2 + N0) and its reliability rho = |h|^2 / (|h|^2 + N0), both [batch, n]."""
    power = received.csi.abs() ** 2
    total = power + received.n0
    return received.csi.conj() * received.symbols / total, power / total


def zero_forcing(received: Received) -> tuple[Tensor, Tensor]:
    """The paper's equaliser: z = y / h, and a reliability of 1 whatever h was."""
    return received.symbols / received.csi, torch.ones_like(received.csi.real)
