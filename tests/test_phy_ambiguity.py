"""One chirp alone: the line of times and carriers on which the burst must lie, and where on it."""

import numpy as np
import pytest

from gr_deepsc.phy import burst, header, impair, receiver
from gr_deepsc.phy.channel import complex_gaussian, noise_variance
from gr_deepsc.phy.frame import GUARD, Layout
from gr_deepsc.phy.preamble import LONG
from gr_deepsc.phy.pulse import DELAY, SAMPLES_PER_SYMBOL

LEAD = 3000


@pytest.mark.parametrize("gone", ["up", pytest.param("down", marks=pytest.mark.slow)])
def test_a_chirp_lost_in_a_fade(gone):
    """4 dB, 8 bursts of any carrier within 8 % of the symbol rate, one chirp missing altogether: at least 7 are
    read, within a quarter symbol and 3e-4 cycles a symbol of the truth. The detector alone is at a loss there."""
    rng, read, chance = np.random.default_rng(1), 0, 0
    first = LEAD + DELAY + SAMPLES_PER_SYMBOL * GUARD
    for _ in range(8):
        head = header.Header(1, int(rng.integers(65_536)), 0, 0, True, 10)
        payload = complex_gaussian(rng, 200).astype(np.complex64)
        samples = np.pad(burst.modulate(head, payload), LEAD)
        begin = first + SAMPLES_PER_SYMBOL * (0 if gone == "up" else Layout(1).down)
        samples[begin - 16 : begin + SAMPLES_PER_SYMBOL * LONG.chirp] = 0
        cfo = rng.uniform(-0.08, 0.08)
        samples = impair.noise(impair.frequency_offset(samples, cfo, 0.0), noise_variance(4), rng)
        modem = receiver.BurstReceiver()
        for event in modem.push(samples) + modem.flush():
            if isinstance(event, burst.Burst):
                assert event.header == head
                assert event.start == pytest.approx(first, abs=1) and event.cfo == pytest.approx(cfo, abs=3e-4)
                read += 1
            else:
                chance += 1
    assert read >= 7 and read + chance <= 8
