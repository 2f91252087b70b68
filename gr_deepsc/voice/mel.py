"""The log-mel spectrogram of voices, which acoustic models and vocoders agree on: its constants and its filters.

80 bands on Slaney's mel scale from 0 to 8 kHz, natural logarithm of magnitudes: Tacotron 2's features (Shen et al.
2018, section 2.2) at 16 kHz, with a hop of 16 ms instead of 12.5 so that a vocoder's frame is a power of two.
"""

import math

import numpy as np

from ..framing import SAMPLE_RATE

N_FFT = WINDOW = 1024
HOP = 256  # samples a mel frame, 16 ms
FRAME_RATE = SAMPLE_RATE / HOP  # 62.5 mel frames a second
MELS = 80
FLOOR = 1e-5  # magnitudes below are silence


def mel_filters(n_fft: int = N_FFT, bands: int = MELS) -> np.ndarray:
    """Triangular filters on Slaney's mel scale with unit area: float32 [bands, n_fft / 2 + 1].

    Source: Slaney, Auditory Toolbox (1998), as in `librosa.filters.mel`: linear to 1 kHz, logarithmic above.
    """
    knee, step = 15.0, math.log(6.4) / 27
    mel = np.linspace(0, knee + math.log(SAMPLE_RATE / 2000) / step, bands + 2)
    edges = np.where(mel < knee, mel * 200 / 3, 1000 * np.exp(step * (mel - knee)))
    bins = np.linspace(0, SAMPLE_RATE / 2, n_fft // 2 + 1)
    width = np.diff(edges)[:, None]
    ramp = edges[:, None] - bins
    triangles = np.maximum(np.minimum(-ramp[:-2] / width[:-1], ramp[2:] / width[1:]), 0)
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
