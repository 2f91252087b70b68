"""What two radios do to complex samples between the shaped burst and the receiver; the air is in `fading`.

Every function takes complex64 [n] at `SAMPLES_PER_SYMBOL` and returns a new complex64 array. `delay` and
`clock_offset` interpolate with a quintic spline, which needs a band: an error of -81 dB at the pulse's edge of
0.16 cycles a sample, -66 dB at 0.2, -27 dB at 0.35. Noise fills the whole band, so it comes after them.
"""

import numpy as np
from scipy import ndimage

from .channel import complex_gaussian
from .pulse import SAMPLES_PER_SYMBOL


def noise(samples: np.ndarray, n0: float, rng: np.random.Generator) -> np.ndarray:
    """Add CN(0, n0): variance `n0` a complex sample, and so a symbol behind the matched filter."""
    return (samples + np.sqrt(n0) * complex_gaussian(rng, len(samples))).astype(np.complex64)


def frequency_offset(samples: np.ndarray, cfo: float, phase: float = 0.0) -> np.ndarray:
    """Turn by `cfo` cycles a symbol, from `phase` radians at sample 0."""
    turns = cfo / SAMPLES_PER_SYMBOL * np.arange(len(samples))
    return (samples * np.exp(1j * (2 * np.pi * turns + phase))).astype(np.complex64)


def drift(samples: np.ndarray, rate: float, phase: float = 0.0) -> np.ndarray:
    """Turn by a carrier that is 0 at sample 0, `phase` radians, and moves: `rate` in cycles a symbol^2.

    Of so many Hz a second it is that over the symbol rate squared.
    """
    n = np.arange(len(samples)) / SAMPLES_PER_SYMBOL
    return (samples * np.exp(1j * (np.pi * rate * n**2 + phase))).astype(np.complex64)


def clock_offset(samples: np.ndarray, ppm: float) -> np.ndarray:
    """The receiver's sample clock is `ppm` parts per million faster than the transmitter's.

    Output k is the input's waveform at sample k / (1 + ppm / 10^6): sample 0 stays where it is, and a positive
    offset makes the burst last longer in the receiver's samples and its frequencies lower. A carrier made from
    the same oscillator is off as well; that is `frequency_offset`'s.

    Returns:
        complex64 [floor((n - 1) (1 + ppm / 10^6)) + 1]: no output lies behind the last input.
    """
    if not ppm > -1e6:
        raise ValueError(f"a clock offset of {ppm} ppm: it must be above -1,000,000")
    rate = 1 + ppm * 1e-6
    return _interpolate(samples, 0.0, 1 / rate, int((len(samples) - 1) * rate) + 1)


def delay(samples: np.ndarray, d: float) -> np.ndarray:
    """Delay by `d` >= 0 samples, the whole ones as zeros in front: complex64 [n] -> [n + ceil(d)]."""
    if not 0 <= d < np.inf:
        raise ValueError(f"a delay of {d} samples: it must be 0 or more")
    whole, fraction = int(d), d % 1
    late = _interpolate(samples, -fraction, 1.0, len(samples) + 1) if fraction else samples
    return np.concatenate([np.zeros(whole, np.complex64), late]).astype(np.complex64)


def _interpolate(samples: np.ndarray, start: float, step: float, n: int) -> np.ndarray:
    """The waveform at `start` + k `step` samples, k < n; there is silence before and behind it."""
    if len(samples) == 0:
        return np.zeros(0, np.complex64)
    samples = np.asarray(samples, np.complex64)
    return ndimage.affine_transform(samples, [[step]], start, (n,), order=5, mode="grid-constant")


def quantise(samples: np.ndarray, bits: int, full_scale: float = 1.0) -> np.ndarray:
    """A converter of `bits` for I and one for Q: two's complement, mid-tread, saturating.

    Codes -2^(bits - 1) .. 2^(bits - 1) - 1 in steps of full_scale / 2^(bits - 1): silence stays 0 and the most
    positive value is one step below `full_scale`.
    """
    if bits < 1 or not full_scale > 0:
        raise ValueError(f"a converter of {bits} bits and full scale {full_scale}: at least 1, and above 0")
    top = 2 ** (bits - 1)
    parts = np.ascontiguousarray(samples, np.complex64).view(np.float32)
    codes = np.clip(np.round(parts * (top / full_scale)), -top, top - 1)
    return (codes * (full_scale / top)).astype(np.float32).view(np.complex64)


def clip(samples: np.ndarray, level: float) -> np.ndarray:
    """Limit the magnitude to `level`; the phase stays."""
    magnitude = np.abs(samples)
    gain = np.divide(level, magnitude, out=np.ones(len(samples)), where=magnitude > level)
    return (samples * gain).astype(np.complex64)


def drop(samples: np.ndarray, at: int, count: int) -> np.ndarray:
    """An overflow: `count` samples from index `at` on are gone and what follows moves up."""
    if not 0 <= at <= at + count <= len(samples):
        raise ValueError(f"{count} samples from {at} on are not in a stream of {len(samples)}")
    return np.delete(samples, slice(at, at + count)).astype(np.complex64)


def dc_offset(samples: np.ndarray, offset: complex) -> np.ndarray:
    """Add a constant: the receiver's oscillator leaking into its own mixer."""
    return (samples + offset).astype(np.complex64)


def iq_imbalance(samples: np.ndarray, gain_db: float, phase_deg: float) -> np.ndarray:
    """A quadrature mixer whose Q branch has a gain of `gain_db` dB and is `phase_deg` degrees off 90.

    I stays, Q becomes g (Q cos phi - I sin phi): y = mu x + nu x* with mu = (1 + g e^(-j phi)) / 2 and
    nu = (1 - g e^(j phi)) / 2. The image of a tone lies |mu / nu|^2 below it (Valkama et al., IEEE Trans. Signal
    Processing 49(10), 2001).
    """
    quadrature = 10 ** (gain_db / 20) * np.exp(1j * np.deg2rad(phase_deg))
    mu, nu = (1 + np.conj(quadrature)) / 2, (1 - quadrature) / 2
    return (mu * samples + nu * np.conj(samples)).astype(np.complex64)
