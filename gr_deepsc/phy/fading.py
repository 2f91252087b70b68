"""What the air does to complex samples: channels that turn and fade, of unit mean power.

A fading coefficient is a complex Gaussian process. One is drawn with the wanted autocorrelation at a few points
a Doppler cycle by circulant embedding (Dietrich and Newsam, SIAM J. Sci. Comput. 18(4), 1997) and a cubic spline
fills in the samples between, so that a minute of slow fading costs no more than a second.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import fft
from scipy.interpolate import CubicSpline
from scipy.special import j0

from .channel import BLOCK, RICIAN_K, check, complex_gaussian, fading
from .impair import delay
from .pulse import SAMPLES_PER_SYMBOL

_POINTS = 16  # a Doppler cycle: the spline's error is below -90 dB
_MARGIN = 8  # points before and behind, where a spline's ends are less accurate


class Faded(NamedTuple):
    """What leaves a flat channel: `samples` and the coefficient `csi` each was multiplied by, complex64 [n]."""

    samples: np.ndarray
    csi: np.ndarray


def block_fading(
    samples: np.ndarray,
    kind: str,
    rng: np.random.Generator,
    block: int = BLOCK,
    offset: int = 0,
    rician_k: float = RICIAN_K,
) -> Faded:
    """The paper's channel on samples: one independent h a block (Weng et al., section II).

    Args:
        samples: complex64 [n].
        kind: one of `channel.KINDS`.
        rng: the only source of randomness.
        block: symbols that h holds for: `block` * SAMPLES_PER_SYMBOL samples.
        offset: a sample at which a block starts; others start before and behind it, the first may be cut short.
        rician_k: power of the line of sight over that of the scatter, linear.

    Raises:
        ValueError: as `channel.check`.
    """
    check(kind, block, rician_k)
    length = block * SAMPLES_PER_SYMBOL
    index = (np.arange(len(samples)) + -offset % length) // length
    h = fading(kind, index[-1] + 1 if len(index) else 0, rng, rician_k)[index]
    return _flat(samples, h)


def doppler_fading(samples: np.ndarray, doppler: float, rng: np.random.Generator, rician_k: float = 0.0) -> Faded:
    """A moving receiver among scatterers all around: Rayleigh or Rician with Clarke's (Jakes') spectrum.

    Args:
        samples: complex64 [n].
        doppler: the largest Doppler shift, cycles a symbol: speed / wavelength * symbol time.
        rng: the only source of randomness.
        rician_k: power of the line of sight over that of the scatter, linear; 0 is Rayleigh. The line of sight
            has phase 0 and no Doppler shift of its own.
    """
    check("rician", rician_k=rician_k)
    scatter = clarke(len(samples), doppler, rng)
    return _flat(samples, (np.sqrt(rician_k) + scatter) / np.sqrt(rician_k + 1))


class Profile(NamedTuple):
    """Two paths of equal mean power: the second's delay (s), and the Doppler spread of each (Hz): 2 sigma."""

    delay: float
    doppler: float


# mpg and mpp: "mid-latitude, quiet" and "disturbed" of ITU-R F.1487, "good" and "poor" of the older F.520.
# mpd is in neither: it is the harsher "multipath disturbed" that FreeDV's modems are measured with.
PROFILES = {"mpg": Profile(0.5e-3, 0.1), "mpp": Profile(2e-3, 1.0), "mpd": Profile(4e-3, 2.0)}


def watterson(
    samples: np.ndarray, symbol_rate: float, profile: str | tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Short wave by the ionosphere: two independent Rayleigh paths of power 1/2 (Watterson et al., 1970).

    y(t) = g1(t) x(t) + g2(t) x(t - delay). Each g has a Gaussian Doppler spectrum without a shift; its width is
    given as the Doppler spread 2 sigma, twice the standard deviation, as in ITU-R F.1487.

    Args:
        samples: complex64 [n].
        symbol_rate: symbols a second; it scales both numbers of the profile.
        profile: a name in `PROFILES`, or the delay (s) and the Doppler spread (Hz).
        rng: the only source of randomness.

    Returns:
        complex64 [n + ceil(delay in samples)].

    Raises:
        ValueError: no such profile, or a negative number.
    """
    if isinstance(profile, str) and profile not in PROFILES:
        raise ValueError(f"profile {profile!r} is none of {', '.join(PROFILES)}")
    if not symbol_rate > 0:
        raise ValueError(f"{symbol_rate} symbols a second: it must be above 0")
    seconds, spread = PROFILES[profile] if isinstance(profile, str) else profile
    second = delay(samples, seconds * symbol_rate * SAMPLES_PER_SYMBOL)
    first = np.concatenate([samples, np.zeros(len(second) - len(samples))])
    g1, g2 = (gaussian(len(second), spread / symbol_rate, rng) for _ in range(2))
    return (np.sqrt(0.5) * (g1 * first + g2 * second)).astype(np.complex64)


def clarke(n: int, doppler: float, rng: np.random.Generator) -> np.ndarray:
    """CN(0, 1), complex128 [n], with E h(t) h*(t + T) = J0(2 pi doppler T); `doppler` in cycles a symbol.

    Clarke, Bell Syst. Tech. J. 47, 1968. The autocorrelation is within 0.002 of J0.
    """
    return _process(lambda cycles: j0(2 * np.pi * cycles), n, doppler, rng, shortest=4096)


def gaussian(n: int, spread: float, rng: np.random.Generator) -> np.ndarray:
    """CN(0, 1), complex128 [n], with a Gaussian Doppler spectrum of `spread` = 2 sigma in cycles a symbol.

    E g(t) g*(t + T) = exp(-2 (pi sigma T)^2): the Fourier transform of exp(-f^2 / (2 sigma^2)).
    """
    return _process(lambda cycles: np.exp(-((np.pi * cycles) ** 2) / 2), n, spread, rng, shortest=128)


def _process(
    autocorrelation: Callable[[np.ndarray], np.ndarray], n: int, doppler: float, rng: np.random.Generator, shortest: int
) -> np.ndarray:
    """CN(0, 1), complex128 [n], with an autocorrelation given over lags in cycles of `doppler`.

    At least `shortest` points are drawn: an embedding is exact where the autocorrelation has died away by then.
    """
    if not 0 <= doppler < np.inf:
        raise ValueError(f"a Doppler frequency of {doppler}: it must be 0 or more")
    rate = _POINTS * doppler / SAMPLES_PER_SYMBOL  # points a sample
    used = int(n * rate) + 1 + 2 * _MARGIN
    points = fft.next_fast_len(max(shortest, used))
    # Exact up to lag `points`, then faded out: a J0 cut off on a circle has negative power at some frequencies.
    r = autocorrelation(np.arange(2 * points + 1) / _POINTS)
    r[points:] *= (1 + np.cos(np.pi * np.arange(points + 1) / points)) / 2
    power = np.maximum(fft.fft(np.concatenate([r, r[-2:0:-1]])).real, 0)
    power /= power.mean()
    drawn = fft.ifft(np.sqrt(power) * complex_gaussian(rng, len(power)), norm="ortho")
    return CubicSpline(np.arange(used), drawn[:used])(_MARGIN + rate * np.arange(n))


def _flat(samples: np.ndarray, h: np.ndarray) -> Faded:
    return Faded((samples * h).astype(np.complex64), h.astype(np.complex64))
