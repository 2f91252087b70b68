"""Carriers are taken out of a stream; what is no carrier passes to the last bit."""

import numpy as np
import pytest

from gr_deepsc.phy import burst, excise, header, impair
from gr_deepsc.phy.channel import complex_gaussian, noise_variance


def through(samples: np.ndarray, piece: int = 1 << 20) -> np.ndarray:
    excisor = excise.Excisor()
    out = [excisor.push(samples[start : start + piece]) for start in range(0, len(samples), piece)]
    return np.concatenate([*out, excisor.flush()])


def sent(frames: int, seed: int) -> np.ndarray:
    payload = complex_gaussian(np.random.default_rng(seed), 20 * frames).astype(np.complex64)
    return np.pad(burst.modulate(header.Header(8, 1, 1, 0, True, frames), payload), 3000)


def tone(n: int, cycles: float) -> np.ndarray:
    return np.exp(2j * np.pi * cycles * np.arange(n)).astype(np.complex64)


@pytest.mark.parametrize("frames", [1, 90, 375])
@pytest.mark.parametrize("es_n0_db", [np.inf, 20, 0])
def test_a_burst_without_a_carrier_passes_bit_for_bit(frames, es_n0_db):
    samples = impair.noise(sent(frames, frames), noise_variance(es_n0_db), np.random.default_rng(1))
    assert np.array_equal(through(samples), samples)


@pytest.mark.parametrize("db", [0, 20, 40])
@pytest.mark.parametrize("cycles", [0.0, 0.0371, 0.17])
def test_a_carrier_is_taken_out(db, cycles):
    """What is left of it, and what is lost of the burst with it, is below -13 dB of the burst: of a carrier in it,
    7 or 9 bins of a thousand go, and where it begins and ends, with the stream, a frame knows only a part of it."""
    clean = impair.noise(sent(200, 2), noise_variance(6), np.random.default_rng(2))
    carrier = np.sqrt(0.25 * 10 ** (db / 10)) * tone(len(clean), cycles)
    inside = slice(excise.FRAME, -excise.FRAME)
    error = through((clean + carrier).astype(np.complex64))[inside] - clean[inside]
    assert np.mean(np.abs(error) ** 2) < 0.05 * 0.25


def test_the_windows_add_up_to_one():
    shifted = excise._WINDOW.reshape(-1, excise.HOP).sum(0)
    assert shifted == pytest.approx(np.ones(excise.HOP), abs=1e-6)


@pytest.mark.parametrize("piece", [7, 1000, 5000])
def test_pieces_leave_no_trace(piece):
    rng = np.random.default_rng(3)
    samples = (complex_gaussian(rng, 20_000) + 5 * tone(20_000, 0.1)).astype(np.complex64)
    whole = through(samples)
    assert len(whole) == len(samples)
    assert np.array_equal(through(samples, piece), whole)


@pytest.mark.parametrize("n", [0, 1, excise.HOP, excise.FRAME + 1])
def test_short_streams_come_out_whole(n):
    samples = complex_gaussian(np.random.default_rng(4), n).astype(np.complex64)
    assert np.array_equal(through(samples), samples)
