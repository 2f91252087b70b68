"""Each estimator's error against its bound, on whole bursts; the theory stands beside the number.

With all of a burst's known symbols (energies e at places t, sum E) and h unknown but constant, the Cramer-Rao bounds
are those of a phase line (Rife and Boorstyn, IEEE Trans. Inf. Theory, 1974) and of a delay line:

    var CFO   = N0 / (8 pi^2 sum e (t - mean t)^2)      cycles a symbol
    var clock = N0 / (8 pi^2 beta^2 sum e (t - mean t)^2)
    var N0 / N0^2 = 1 / degrees of freedom,    var P / P^2 >= 2 N0 / (P E)
"""

import numpy as np
import pytest

from gr_deepsc.phy import burst, header, impair, receiver
from gr_deepsc.phy.channel import complex_gaussian, noise_variance
from gr_deepsc.phy.frame import GUARD, Layout
from gr_deepsc.phy.pulse import DELAY, ROLL_OFF, SAMPLES_PER_SYMBOL

BETA = np.sqrt(1 / 12 + ROLL_OFF**2 * (1 / 4 - 2 / np.pi**2))  # rms bandwidth of the pulse, cycles a symbol
LEAD = 3000  # samples
FRAMES = 75


def received(rng, es_n0_db, cfo=0.0, ppm=0.0, frames=FRAMES):
    """A burst after LEAD samples of silence, and what is known of it afterwards."""
    head = header.Header(1, int(rng.integers(65_536)), 0, 0, True, frames)
    payload = complex_gaussian(rng, 20 * frames).astype(np.complex64)
    samples = np.pad(burst.modulate(head, payload), (LEAD, 2000))
    samples = impair.clock_offset(samples, ppm) if ppm else samples
    shift = rng.uniform(0, 4)
    samples = impair.frequency_offset(impair.delay(samples, shift), cfo, rng.uniform(0, 6.28))
    samples = impair.noise(samples, noise_variance(es_n0_db), rng)
    modem = receiver.BurstReceiver()
    (found,) = [b for b in modem.push(samples) + modem.flush() if isinstance(b, burst.Burst)]
    assert found.header == head
    start = (LEAD + DELAY + SAMPLES_PER_SYMBOL * GUARD) * (1 + 1e-6 * ppm) + shift
    return found, payload, start


def bounds(es_n0_db, frames=FRAMES):
    """Standard deviations: CFO, clock (ppm), time (symbols), N0 and P (relative)."""
    layout, n0 = Layout(frames), noise_variance(es_n0_db)
    known = np.abs(layout.with_header(np.ones(len(layout.header)))) ** 2
    places = np.arange(layout.end)
    total = known.sum()
    spread = np.sum(known * (places - np.sum(known * places) / total) ** 2)
    cfo = np.sqrt(n0 / (8 * np.pi**2 * spread))
    time = np.sqrt(n0 / (8 * np.pi**2 * BETA**2 * total))
    return cfo, 1e6 * cfo / BETA, time


@pytest.mark.parametrize(("es_n0_db", "trials"), [(-6, 30), (6, 30)])
def test_carrier_clock_and_levels(es_n0_db, trials):
    """Root-mean-square errors at most 1.5 times the bounds, plus the self-noise of pilots among unknown symbols.

    A pilot that is sampled a little early meets its neighbours, payload that nobody knows: at a high Es/N0 that is
    the larger noise, and the clock's error does not fall with N0 any more (some 10 ppm for 3 s).
    """
    rng, errors = np.random.default_rng(1), []
    for _ in range(trials):
        ppm, cfo = rng.uniform(-100, 100), rng.uniform(-0.05, 0.05)
        found, _, _ = received(rng, es_n0_db, cfo, ppm)
        errors.append((found.cfo - cfo, found.clock_ppm - ppm, found.es_n0_db - es_n0_db))
    cfo, clock, level = np.sqrt(np.mean(np.square(errors), 0))
    least_cfo, least_clock, _ = bounds(es_n0_db)
    assert cfo < 1.5 * least_cfo
    assert clock < np.hypot(1.5 * least_clock, 15)
    # N0 from some 700 degrees of freedom; P from E / N0
    layout = Layout(FRAMES)
    energy = 1.5 * (layout.end - len(layout.payload))
    relative = np.sqrt(1 / 700 + 2 * noise_variance(es_n0_db) / energy)
    assert level < 1.5 * 10 / np.log(10) * relative


@pytest.mark.parametrize("frames", [3, 20, 60])
def test_carrier_without_noise(frames):
    """40 dB, short bursts: 1e-5 cycles a symbol, which no model of fading may be taken to explain."""
    rng = np.random.default_rng(4)
    for _ in range(8):
        found, _, _ = received(rng, 40, 0.06, 30, frames)
        assert found.cfo == pytest.approx(0.06, abs=1e-5)


def test_time():
    """The first symbol's time, which the clock's slope is a part of: within twice the bound of a known clock."""
    rng, errors = np.random.default_rng(2), []
    for _ in range(30):
        found, _, start = received(rng, 0.0)
        errors.append((found.start - start) / SAMPLES_PER_SYMBOL)
    assert np.sqrt(np.mean(np.square(errors))) < 2 * bounds(0.0)[2]


@pytest.mark.parametrize("es_n0_db", [-6, 0, 10])
def test_symbols_are_as_good_as_with_ideal_csi(es_n0_db):
    """The MMSE estimate's error is 1 / (1 + Es/N0) with ideal CSI; here within 0.3 dB of Es/N0, at 5 % of CFO."""
    rng, squares = np.random.default_rng(3), []
    for _ in range(12):
        found, payload, _ = received(rng, es_n0_db, 0.05, 50)
        squares.append(np.mean(np.abs(found.symbols - payload) ** 2))
        assert np.mean(found.reliability) == pytest.approx(1 - squares[-1], abs=0.08)
    mse = np.mean(squares)
    effective = 10 * np.log10(1 / mse - 1)
    assert effective == pytest.approx(es_n0_db, abs=0.3)
