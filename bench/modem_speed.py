"""CPU time of the burst receiver, phy/ alone. Run: .venv/bin/python bench/modem_speed.py"""

import time

import numpy as np

from gr_deepsc.phy import fading, impair
from gr_deepsc.phy.burst import modulate
from gr_deepsc.phy.channel import complex_gaussian, noise_variance
from gr_deepsc.phy.header import Header
from gr_deepsc.phy.receiver import BurstReceiver

RATE = 200_000  # samples a second: 50 ksymbol/s
PIECE = 65_536
SPEECH = 6.0  # seconds in a burst
BURSTS = 10


def bursts(rng: np.random.Generator, gap: float) -> np.ndarray:
    """`BURSTS` bursts, each with `gap` seconds of silence before it."""
    parts = []
    for seq in range(BURSTS):
        payload = complex_gaussian(rng, int(500 * SPEECH)).astype(np.complex64)
        wave = modulate(Header(1, 0, seq, 0, True, len(payload) // 20), payload)
        parts.append(np.pad(wave, (int(gap * RATE), 0)))
    return np.pad(np.concatenate(parts), (0, 4000)).astype(np.complex64)


def cpu(samples: np.ndarray) -> tuple[float, int]:
    """CPU seconds, and events."""
    modem, start, events = BurstReceiver(), time.process_time(), 0
    for k in range(0, len(samples), PIECE):
        events += len(modem.push(samples[k : k + PIECE]))
    events += len(modem.flush())
    return time.process_time() - start, events


def main() -> None:
    """Print how fast noise is searched, and bursts are read in a flat channel and out of echoes."""
    rng = np.random.default_rng(1)
    noise = complex_gaussian(rng, 20 * RATE).astype(np.complex64)
    searching, _ = cpu(noise)
    print(f"searching noise: {len(noise) / searching / 1e6:.1f} Msample/s on one core")
    for name, gap in (("1 s of silence between bursts", 1.0), ("back to back", 0.01)):
        for channel in ("flat", "echoes"):
            samples = bursts(rng, gap)
            if channel == "echoes":
                samples = fading.watterson(samples, 1200.0, "mpp", rng)
            samples = impair.noise(samples, noise_variance(10), rng)
            seconds, events = cpu(samples)
            print(
                f"{name}, {channel}: {events} events of {BURSTS}; "
                f"{len(samples) / RATE / seconds:.1f} x real time at {RATE // 1000} ksample/s; "
                f"{1e3 * seconds / BURSTS:.0f} ms a burst of {SPEECH:g} s of speech, searching included: "
                f"{BURSTS * SPEECH / seconds:.0f} x real time of the speech"
            )


if __name__ == "__main__":
    main()
