"""One radio path, put together: what the way from a transmitter's samples to a receiver's does to them."""

from dataclasses import dataclass, replace

import numpy as np

from . import channel, fading, impair
from .framer import gain
from .pulse import SAMPLES_PER_SYMBOL


@dataclass(frozen=True)
class Air:
    """A path of samples, 4 a symbol, whose payload has unit energy a symbol.

    The fading blocks of `kind` begin at a random place: nobody tells a radio where they do.

    >>> from gr_deepsc.phy import listener, utterance
    >>> rng = np.random.default_rng(1)
    >>> payload = channel.complex_gaussian(rng, 500).astype(np.complex64)
    >>> (burst,) = utterance.split(payload, codec=0, user_id=7, seq=1)
    >>> received = Air("awgn", es_n0_db=6.0, cfo=0.03, delay=1000.0)(burst, rng)
    >>> ear = listener.Listener()
    >>> (heard,) = ear.push(received) + ear.flush()
    >>> heard.user_id, round(heard.bursts[0].es_n0_db), round(float(heard.bursts[0].cfo), 3)
    (7, 6, 0.03)

    Raises:
        ValueError: parameters that describe no path; says which and what is allowed.
    """

    kind: str = "awgn"  # one of `channel.KINDS`
    es_n0_db: float = 20.0  # of the payload's symbols
    cfo: float = 0.0  # cycles a symbol
    clock_ppm: float = 0.0  # > 0: the receiver's clock is the faster one
    delay: float = 0.0  # samples
    rician_k: float = channel.RICIAN_K
    block: int = channel.BLOCK  # symbols
    drift: float = 0.0  # of the carrier, cycles a symbol^2, from `cfo` at the first sample on

    def __post_init__(self) -> None:
        channel.check(self.kind, self.block, self.rician_k)
        if not abs(self.clock_ppm) <= 10_000:
            raise ValueError(f"a clock offset of {self.clock_ppm} ppm: it must be within +-10000")
        if not 0 <= self.delay <= 1e7:
            raise ValueError(f"a delay of {self.delay} samples: it must be from 0 to 10 million")
        if not abs(self.cfo) <= 0.5:
            raise ValueError(f"a carrier offset of {self.cfo} symbol rates: it must be within +-0.5")
        if not abs(self.drift) <= 1e-3:
            raise ValueError(f"a drift of {self.drift} cycles a symbol^2: it must be within +-0.001")

    def __call__(self, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What the receiver gets: complex64 [n] -> complex64, longer by the delay."""
        if self.clock_ppm:
            samples = impair.clock_offset(samples, self.clock_ppm)
        if self.delay:
            samples = impair.delay(samples, self.delay)
        if self.kind in ("rayleigh", "rician"):
            offset = int(rng.integers(self.block * SAMPLES_PER_SYMBOL))
            samples, _ = fading.block_fading(samples, self.kind, rng, self.block, offset, self.rician_k)
        if self.drift:
            samples = impair.drift(samples, self.drift)
        samples = impair.frequency_offset(samples, self.cfo, rng.uniform(0, 2 * np.pi))
        return samples if self.kind == "none" else impair.noise(samples, channel.noise_variance(self.es_n0_db), rng)


@dataclass(frozen=True)
class Path:
    """An `Air` that treats the same burst of the same utterance alike, whatever was sent before.

    Raises:
        ValueError: a negative seed.
    """

    air: Air
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed {self.seed}: it must be 0 or more")

    def __call__(self, samples: np.ndarray, level_db: float, seq: int, burst: int) -> np.ndarray:
        """What the receiver gets of a burst, signal and noise together as strong as a payload was that was sent alone.

        Args:
            samples: complex64 [n], the burst and the silence around it, the payload at `level_db` of full scale.
            seq: number of the utterance.
            burst: number of the burst in it.
        """
        # the path is late once, not anew for each burst of an utterance
        air = replace(self.air, delay=self.air.delay % 1) if burst else self.air
        sent = gain(level_db)
        received = air(samples / sent, np.random.default_rng([self.seed, seq & 0xFFFF_FFFF, burst]))
        noise = 0.0 if air.kind == "none" else channel.noise_variance(air.es_n0_db)
        return np.float32(sent / np.sqrt(1 + SAMPLES_PER_SYMBOL * noise)) * received
