"""How a voice sounds beside its speaker: predicted opinions (DNSMOS), pitch and pace.

DNSMOS (Reddy et al. 2022, arXiv 2110.01763) guesses what listeners would say, 1 to 5: OVRL of ITU-T P.835, and P.808's
overall quality. Package `speechmos` brings its weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gr_deepsc.framing import SAMPLE_RATE

from .. import pitch
from ..mel import prepare

WINDOW = round(9.01 * SAMPLE_RATE)  # of DNSMOS, in samples


@dataclass(frozen=True)
class Sound:
    """Of some utterances, each at the level of prepared speech and without silence at its ends."""

    f0: float  # Hz, geometric mean of the voiced frames
    seconds: float  # of all of them
    overall: float  # mean DNSMOS, P.835's OVRL; not a number where it was not asked for
    quality: float  # mean DNSMOS, P.808

    def beside(self, real: "Sound") -> str:
        """Pitch and length by those of the recordings, opinions."""
        ratios = f"F0 {self.f0:.0f} Hz, x {self.f0 / real.f0:.3f}, length x {self.seconds / real.seconds:.3f}"
        return ratios if np.isnan(self.overall) else f"{ratios}, DNSMOS {self.overall:.2f}, P.808 {self.quality:.2f}"


def opinion(samples: np.ndarray) -> tuple[float, float]:
    """DNSMOS of float32 [samples] at 16 kHz: OVRL and P.808; what is shorter than its window is repeated to fill one.

    (DNSMOS itself doubles it until it is longer, and takes the mean over up to ten windows of the same: five times the
    work for 0.02 of a point.)

    Raises:
        ValueError: the package is not installed.
    """
    try:
        from speechmos import dnsmos
    except ImportError as error:
        raise ValueError(f"{error.name} is not installed: pip install '.[train,judge]'") from None
    found = dnsmos.run(np.resize(samples, max(WINDOW, len(samples))), SAMPLE_RATE)
    return float(found["ovrl_mos"]), float(found["p808_mos"])


def sound(waveforms: Sequence[np.ndarray], opinions: bool) -> Sound:
    """Of float32 [samples] each; DNSMOS, a tenth of real time, where `opinions` are asked for."""
    speech = [prepare(samples) for samples in waveforms]
    f0 = np.concatenate([pitch.track(samples) for samples in speech])
    marks = np.array([opinion(samples) for samples in speech]) if opinions else np.full((1, 2), np.nan)
    seconds = sum(map(len, speech)) / SAMPLE_RATE
    voiced = f0[f0 > 0]
    return Sound(float(np.exp(np.log(voiced).mean())) if len(voiced) else 0.0, seconds, *marks.mean(0).tolist())
