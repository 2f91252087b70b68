"""Channel models against the Gaussian law they stand for: likelihoods and posteriors by brute force."""

import numpy as np
import pytest
from scipy import special

from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.phy.track import Blocks, Doppler, Nodes, log_evidences

PLACES = np.sort(np.random.default_rng(0).integers(0, 8 * 900, 25)) / 8
ENERGIES = np.random.default_rng(1).uniform(1, 20, 25)
NODES = Nodes(PLACES, ENERGIES)
POWER, N0 = 1.7, 3.0


def correlation(model, a, b):
    if isinstance(model, Doppler):
        return special.j0(2 * np.pi * model.spread * np.subtract.outer(a, b))
    if np.isinf(model.length):
        return np.ones((len(a), len(b)))
    block = lambda t: np.floor((t - model.offset) / model.length)  # noqa: E731
    return (block(a)[:, None] == block(b)).astype(float)


MODELS = [Blocks(), Blocks(128, 16), Doppler(1e-3), Doppler(1e-4)]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_evidence_is_the_gaussian_log_likelihood_ratio(model):
    """ln N(c; 0, S) - ln N(c; 0, N0 E), S = P E R E + N0 E with E the energies: eq. 2.30 for complex numbers."""
    energy = np.diag(ENERGIES)
    covariance = POWER * energy @ correlation(model, PLACES, PLACES) @ energy + N0 * energy
    c = np.linalg.cholesky(covariance) @ complex_gaussian(np.random.default_rng(2), 25 * 3).reshape(25, 3)
    logdet = np.linalg.slogdet(covariance)[1] - np.sum(np.log(N0 * ENERGIES))
    fit = (
        np.sum(np.abs(c) ** 2 / (N0 * ENERGIES)[:, None], 0) - np.sum(c.conj() * np.linalg.solve(covariance, c), 0).real
    )
    assert log_evidences([model], NODES, c, POWER, N0)[0, :, 0] == pytest.approx(fit - logdet, rel=1e-6)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_estimate_is_the_posterior(model):
    """Mean and variance of h given c, by the textbook; a smooth channel is interpolated over 8 symbols."""
    c = complex_gaussian(np.random.default_rng(3), 25) * ENERGIES
    wanted = np.arange(0, 900)
    energy = np.diag(ENERGIES)
    covariance = POWER * energy @ correlation(model, PLACES, PLACES) @ energy + N0 * energy
    gain = np.linalg.solve(covariance, POWER * energy @ correlation(model, PLACES, wanted)).T
    mean, variance = model.estimate(NODES, c, POWER, N0, wanted)
    assert np.abs(mean - gain @ c).max() < 2e-3
    expected = POWER - np.sum(gain * (POWER * energy @ correlation(model, PLACES, wanted)).T, 1)
    assert np.abs(variance - expected).max() < 2e-3


def test_error_is_what_the_variance_says():
    """Over many channels the squared error is the posterior variance: within four standard errors."""
    rng, wanted, model = np.random.default_rng(4), np.arange(0.0, 900.0, 40.0), Doppler(1e-3)
    places = np.concatenate([PLACES, wanted])
    root = np.linalg.cholesky(POWER * correlation(model, places, places) + 1e-9 * np.eye(len(places)))
    ratios = []
    for _ in range(300):
        h = root @ complex_gaussian(rng, len(places))
        c = ENERGIES * h[:25] + np.sqrt(N0 * ENERGIES) * complex_gaussian(rng, 25)
        mean, variance = model.estimate(NODES, c, POWER, N0, wanted)
        ratios.append(np.mean(np.abs(mean - h[25:]) ** 2 / variance))
    assert np.mean(ratios) == pytest.approx(1, abs=4 * np.std(ratios) / np.sqrt(300))
