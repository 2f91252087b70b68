"""Whether the channels of a sound file are I and Q or the audio band, and which of them to listen to.

Programs write I and Q as two channels of a wav as others write a receiver's audio, which most have twice. Heard as one
complex stream z = left + j right, audio that is common to both channels, in whatever phase, has a spectrum whose halves
are each other's copies: Z(f) = e^(j phi) Z*(-f). In I and Q the halves are independent, but for an image that mixers
leave 20 dB and more below.
"""

import numpy as np

from .recording import IQ, Channels, Hints

LENGTH = 4096  # samples of a spectrum
LOOK = 256  # spectra, from the first sample on that is not 0
COPIED = 0.5  # of the power, in halves that are copies; of independent ones a chance of sqrt(1 / spectra) remains
ONE_SIDED = 0.4  # of the power that one half has more than the other
WIDE = 62_500.0  # Hz; sound cards and receivers' audio are rarely faster, I and Q rarely slower
AT_DC = 3  # bins beside 0 Hz that direct-conversion receivers fill


def is_iq(channels: Channels, hints: Hints) -> bool:
    """Whether two channels are I and Q; as `hints` say, or by their content."""
    if channels.count != 2 or hints.channel is not None or hints.kind is not None:
        return channels.count == 2 and hints.kind == IQ
    above, below, common = _halves(channels)
    power = float(np.sum(above + below))
    if not power:
        return channels.sample_rate >= WIDE
    if 2 * float(np.sum(common)) > COPIED * power:
        return False
    return float(np.abs(np.sum(above - below))) > ONE_SIDED * power or channels.sample_rate >= WIDE


def _halves(channels: Channels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean |Z(f)|^2, |Z(-f)|^2 and |mean Z(f) Z(-f)| of f above 0, float [LENGTH / 2 - AT_DC] each."""
    window, seen = np.hanning(LENGTH), 0
    above, below = np.zeros(LENGTH // 2 - AT_DC), np.zeros(LENGTH // 2 - AT_DC)
    common = np.zeros(LENGTH // 2 - AT_DC, complex)
    for block in channels.blocks(LENGTH):
        if not block.any():
            continue
        block = block.astype(float) - block.mean(axis=0)
        spectrum = np.fft.fft((block[:, 0] + 1j * block[:, 1]) * window[: len(block)], LENGTH)
        up, down = spectrum[AT_DC : LENGTH // 2], spectrum[: -LENGTH // 2 : -1][AT_DC - 1 :]
        above += np.abs(up) ** 2
        below += np.abs(down) ** 2
        common += up * down
        if (seen := seen + 1) == LOOK:
            break
    return above, below, np.abs(common)


def weights(channels: Channels, hints: Hints) -> np.ndarray:
    """What each channel of the audio band counts in what is listened to, float32 [count].

    All alike, unless most of the signal would be lost by that: where channels are of opposite phase, as balanced lines
    make them, or most of them empty, the strongest one alone counts.
    """
    chosen = np.zeros(channels.count, np.float32)
    if hints.channel is not None:
        chosen[hints.channel - 1] = 1
        return chosen
    mean, each, seen = 0.0, np.zeros(channels.count), 0
    for block in channels.blocks(LENGTH):
        if block.any():
            block = block.astype(float)
            mean += float(np.sum(block.mean(axis=1) ** 2))
            each += np.sum(block**2, axis=0)
            if (seen := seen + 1) == LOOK:
                break
    if mean >= each.max() / 2:
        return chosen + np.float32(1 / channels.count)
    chosen[int(np.argmax(each))] = 1
    return chosen


def one_stream(block: np.ndarray, iq: bool, weight: np.ndarray) -> np.ndarray:
    """float32 [n, channels] -> complex64 or float32 [n]."""
    if iq:
        return np.ascontiguousarray(block, np.float32).view(np.complex64)[:, 0]
    mixed = np.zeros(len(block), np.float32)
    for channel in np.flatnonzero(weight):  # not as a matrix product: sums in one order, whatever the pieces
        mixed += block[:, channel] * weight[channel]
    return mixed


