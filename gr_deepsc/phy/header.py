"""The burst's header: 38 bits that say whose burst it is, what is in it and how long it is.

    version 2 | codec 3 | user_id 16 | seq 5 | part 2 | last 1 | frames - 1: 9 | CRC-16

Most significant bits first. Version 1 has the codecs 0 to 7, version 2 those from 8 to 15: together the two fields are
8 + the codec's number, and receivers that know version 1 alone refuse what they could not decode. The CRC is
CRC-16-CCITT (polynomial 0x1021, from 0xFFFF) of the 38 bits behind two zeros, five bytes. The 54 bits are one word
of the polar code of length 512 (phy/polar.py): bit i on air is its bit `_PLACES[i]`, so that 384 are sent twice, plus
bit i of a maximum-length sequence, so that no header looks like a carrier. Two bits are a QPSK symbol, the first its
real and the second its imaginary part, 0 positive and 1 negative.
"""

import binascii
from dataclasses import dataclass, fields

import numpy as np
from scipy.signal import max_len_seq

from . import polar
from .exact import product

VERSIONS = 1, 2
HEADER_SYMBOLS = 448  # QPSK

_WIDTHS = (4, 16, 5, 2, 1, 9)  # bits of the fields of `Header`; the codec's first is of the version
_BITS = 1 + sum(_WIDTHS) + 16
_VERSION_1 = 1 << sum(_WIDTHS) - 1
_LENGTH = 512  # bits of the mother code
_INFORMATION = polar.information_set(_LENGTH, _BITS)

# A stride with no factor in common with the bits sent: neighbours in the code are far apart on air, and the two
# copies of a bit 192 symbols (384 or 512 bits) or more, so that no fade of 128 symbols takes both.
_STRIDE = 559
_PLACES = _STRIDE * np.arange(2 * HEADER_SYMBOLS) % (2 * HEADER_SYMBOLS) % _LENGTH
_SIGNS = 1 - 2.0 * max_len_seq(11)[0][: 2 * HEADER_SYMBOLS]  # x^11 + x^9 + 1, from all ones

# Paths of the list decoder whose CRC is looked at. The right word is seldom further back in its longer list, and
# each path tried is one more chance for noise to fit.
TRIED = 32
_CERTAIN = 100.0  # |LLR| above which nothing is gained


class HeaderError(ValueError):
    """A header that was received and is none.

    Attributes:
        error_type: header_crc (nothing that the decoder found fits its CRC), header_version (another waveform) or
            header_illegal (`legal`).
        tried: how many words the decoder found; 0 where it saw beforehand that there is none.
    """

    def __init__(self, reason: str, error_type: str, tried: int = 0) -> None:
        super().__init__(reason)
        self.error_type, self.tried = error_type, tried


@dataclass(frozen=True)
class Header:
    """What a burst says of itself."""

    codec: int  # 0..15, which channel codec: `rates.CODECS`, or `framewise.codec_id` of a pair of models
    user_id: int  # 0..65535
    seq: int  # 0..31, number of the utterance, modulo 32
    part: int  # 0..3, which burst of an utterance that is split
    last: bool  # the utterance's last burst
    frames: int  # 1..512, of payload


def encode(header: Header) -> np.ndarray:
    """The header's symbols: complex64 [HEADER_SYMBOLS], |.| = 1, Gray-mapped QPSK.

    Raises:
        ValueError: a field is no integer of its range.
    """
    word = _with_crc(_pack(header))
    message = np.array([word >> k & 1 for k in reversed(range(_BITS))], np.uint8)
    signs = (1 - 2.0 * polar.encode(message, _INFORMATION)[_PLACES]) * _SIGNS
    return ((signs[::2] + 1j * signs[1::2]) / np.sqrt(2)).astype(np.complex64)


def demap(received: np.ndarray, csi: np.ndarray, n0: np.ndarray | float) -> np.ndarray:
    """What each bit sent is worth: ln P(0) / P(1) = 2 sqrt(2) Re or Im(conj(h) y) / N0, between -100 and 100.

    Args:
        received: complex64 [HEADER_SYMBOLS], y = h x + n; NaN or infinite where nothing is known.
        csi: complex64, h, one or [HEADER_SYMBOLS].
        n0: noise variance E|n|^2 >= 0, linear, one or [HEADER_SYMBOLS].

    Returns:
        float32 [2 * HEADER_SYMBOLS], finite.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = np.sqrt(8) * product(np.conj(csi), received.astype(np.complex128))
        llrs = np.stack([z.real / n0, z.imag / n0], 1).ravel()
    return np.clip(np.nan_to_num(llrs, nan=0.0), -_CERTAIN, _CERTAIN).astype(np.float32)


def decode(llrs: np.ndarray, tried: int = TRIED) -> Header:
    """The likeliest header that fits its CRC, of the `TRIED` best that the list decoder finds.

    Noise passes for a header of some version with a probability of about TRIED / 2^16 = 2^-11, and for one of this
    version with a quarter of that.

    Args:
        llrs: float32 [2 * HEADER_SYMBOLS], finite, as from `demap`.
        tried: of how many likeliest words the CRC is looked at; `polar.SHORT` take a quarter of the time.

    Raises:
        HeaderError: there is none, or none of this version.
    """
    soft = np.bincount(_PLACES, llrs * _SIGNS, _LENGTH)
    looked_at = 0
    for bits in polar.candidates(soft, _INFORMATION, tried):
        looked_at += 1
        word = int("".join(map(str, bits)), 2)
        if _with_crc(word >> 16) == word:
            return _unpack(word >> 16)
    raise HeaderError("none of the likeliest headers fits its CRC", "header_crc", looked_at)


def _pack(header: Header) -> int:
    """The 38 bits as a number."""
    word = 0
    for field, width in zip(fields(Header), _WIDTHS, strict=True):
        value, least = getattr(header, field.name), int(field.name == "frames")
        if not isinstance(value, int | np.integer | np.bool_) or not least <= value < least + 2**width:
            raise ValueError(f"{field.name} is {value!r}: must be an integer, {least} to {least + 2**width - 1}")
        word = word << width | int(value) - least
    return word + _VERSION_1


def _unpack(word: int) -> Header:
    """Undo `_pack`.

    Raises:
        HeaderError: a version that is not ours.
    """
    version = word >> sum(_WIDTHS) - 1
    if version not in VERSIONS:
        known = " or ".join(map(str, VERSIONS))
        raise HeaderError(f"a header of version {version}, not {known}: is this gr-deepsc too old?", "header_version")
    word -= _VERSION_1
    values = []
    for width in reversed(_WIDTHS):
        values.append(word & 2**width - 1)
        word >>= width
    frames, last, part, seq, user_id, codec = values
    return Header(codec, user_id, seq, part, bool(last), frames + 1)


def _with_crc(word: int) -> int:
    """The 38 bits and behind them their CRC: 54 bits as a number."""
    return word << 16 | binascii.crc_hqx(word.to_bytes(5, "big"), 0xFFFF)
