"""The framing every part shares: waveform -> frames of P -> complex symbols.

One semantic feature vector P (29 probabilities) stands for `HOP` samples of speech and crosses the channel as
`SYMBOLS_PER_FRAME` complex symbols: 25 frames and 500 symbols for 16,000 samples. (The paper's Table II says 520
because its spectrogram is padded by one more frame a second; see gr_deepsc/models/MODELS.md.)
"""

SAMPLE_RATE = 16_000  # Hz
HOP = 640  # samples a feature frame, 40 ms
FRAME_RATE = SAMPLE_RATE // HOP  # feature frames a second
SYMBOLS_PER_FRAME = 20  # complex symbols a feature frame
SYMBOL_RATE = FRAME_RATE * SYMBOLS_PER_FRAME  # complex symbols a second of speech


def frame_count(samples: int) -> int:
    """Number of feature frames for `samples` of 16 kHz speech: the last, partial frame counts."""
    return -(-samples // HOP)
