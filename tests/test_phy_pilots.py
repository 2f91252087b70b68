"""What chirps announce, the header's pilots have to say again."""

import numpy as np
import pytest

from gr_deepsc.phy import burst, frame, impair, receiver
from gr_deepsc.phy.burst import Lost
from gr_deepsc.phy.channel import complex_gaussian, noise_variance
from gr_deepsc.phy.preamble import LONG


def reported(pilots: bool, es_n0_db: float, bursts: int) -> tuple[int, int]:
    """Of bursts whose header is no header: how many the chirps are sure of, how many are events."""
    rng, sure, events = np.random.default_rng(1), 0, 0
    for _ in range(bursts):
        junk = np.exp(0.5j * np.pi * rng.integers(4, size=LONG.header))
        symbols = frame.assemble(junk.astype(np.complex64), complex_gaussian(rng, 20).astype(np.complex64))
        if not pilots:
            layout = frame.Layout(1)
            symbols[frame.GUARD + layout.pilots[: layout.header_pilots]] *= rng.choice([-1, 1], layout.header_pilots)
        samples = impair.noise(np.pad(burst.shape(symbols), 3000), noise_variance(es_n0_db), rng)
        modem = receiver.BurstReceiver()
        found = modem.push(samples)
        found += modem.flush()
        detector = receiver.Detector()
        sure += any(d.sure for d in detector.push(samples) + detector.flush())
        events += any(isinstance(event, Lost) for event in found)
    return sure, events


@pytest.mark.parametrize(("es_n0_db", "bursts"), [(-9, 10), pytest.param(0, 4, marks=pytest.mark.slow)])
def test_a_burst_with_a_junk_header_is_an_event(es_n0_db, bursts):
    """m = 56 Es/N0 (of pilots): 10.6 nats at -9 dB, so Q(sqrt(m / 2)) = 1 % go unheard: at most 1 of 10."""
    sure, events = reported(True, es_n0_db, bursts)
    assert sure >= bursts - 1 and events >= sure - 1


def test_chirps_without_pilots_are_none():
    """0 dB: m = 84 nats, and no pilots that are another sequence's pass for ours."""
    sure, events = reported(False, 0, 5)
    assert sure == 5 and events == 0
