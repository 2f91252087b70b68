"""Whether the channels of a sound file are I and Q or the audio band, and which of them to listen to.

Programs write I and Q as two channels of a wav as others write a receiver's audio, which most have twice. Heard as one
complex stream z = left + j right, audio that is common to both channels, has a spectrum whose halves
are each other's copies: Z(f) = j Z*(-f). In I and Q the halves are independent, but for an image that mixers
leave 20 dB and more below.
"""

import numpy as np

from .recording import IQ, Channels, Hints

LENGTH = 512  # samples of a spectrum: shorter than a chirp, whose own halves are copies of each other
LOOK = 2048  # spectra, from the first sample on that is not 0
ALIKE = 0.9  # of the power, in halves that are copies: surely common to both channels
COPIED = 0.5  # the same, where the power lies where audio has it; of independent halves sqrt(1 / spectra) remains
ONE_SIDED = 0.4  # of the power that one half has more than the other
VOICE = (200.0, 6_000.0)  # Hz; a receiver's audio has most of its power there ...
IN_VOICE = 0.8
WIDE = 62_500.0  # Hz; ... and sound cards are rarely faster, I and Q rarely slower
AT_DC = 2  # bins beside 0 Hz that direct-conversion receivers fill


def is_iq(channels: Channels, hints: Hints) -> bool:
    """Whether two channels are I and Q; as `hints` say, or by their content."""
    if channels.number != 2 or hints.channel is not None or hints.kind is not None:
        return channels.number == 2 and hints.kind == IQ
    above, below, common = _halves(channels)
    power, copied = float(np.sum(above + below)), 2 * float(np.sum(common))
    if not power:
        return channels.sample_rate >= WIDE
    if copied > ALIKE * power:
        return False
    frequencies = np.arange(AT_DC, LENGTH // 2) * channels.sample_rate / LENGTH
    voice = (frequencies > VOICE[0]) & (frequencies < VOICE[1])
    if float(np.sum((above + below)[voice])) < IN_VOICE * power:
        return True
    one_sided = float(np.abs(np.sum(above - below))) > ONE_SIDED * power
    return copied < COPIED * power and (one_sided or channels.sample_rate >= WIDE)


def _halves(channels: Channels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean |Z(f)|^2, |Z(-f)|^2 and |mean Z(f) Z(-f)| of f above 0, float [LENGTH / 2 - AT_DC] each."""
    window, seen = np.hanning(LENGTH), 0
    above, below = np.zeros(LENGTH // 2 - AT_DC), np.zeros(LENGTH // 2 - AT_DC)
    common = np.zeros(LENGTH // 2 - AT_DC, complex)
    for part in channels.blocks(LENGTH * 16):
        part = part[: len(part) // LENGTH * LENGTH].astype(float).reshape(-1, LENGTH, 2)
        part = part[part.any(axis=(1, 2))][: LOOK - seen]
        part -= part.mean(axis=1, keepdims=True)
        spectra = np.fft.fft((part[..., 0] + 1j * part[..., 1]) * window)
        up, down = spectra[:, AT_DC : LENGTH // 2], spectra[:, : -LENGTH // 2 : -1][:, AT_DC - 1 :]
        above += np.sum(np.abs(up) ** 2, axis=0)
        below += np.sum(np.abs(down) ** 2, axis=0)
        common += np.sum(up * down, axis=0)
        if (seen := seen + len(part)) >= LOOK:
            break
    return above, below, np.abs(common)


def weights(channels: Channels, hints: Hints) -> np.ndarray:
    """What each channel of the audio band counts in what is listened to, float32 [number].

    All alike, unless most of the signal would be lost by that: where channels are of opposite phase, as balanced lines
    make them, or most of them empty, the strongest one alone counts.
    """
    chosen = np.zeros(channels.number, np.float32)
    if hints.channel is not None:
        chosen[hints.channel - 1] = 1
        return chosen
    mean, each, seen = 0.0, np.zeros(channels.number), 0
    for block in channels.blocks(LENGTH * 16):
        if block.any():
            block = block.astype(float)
            mean += float(np.sum(block.mean(axis=1) ** 2))
            each += np.sum(block**2, axis=0)
            if (seen := seen + 16) >= LOOK:
                break
    if mean >= each.max() / 2:
        return chosen + np.float32(1 / channels.number)
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
