"""The burst's header: 38 bits that say whose burst it is, what is in it and how long it is.

    version 2 | codec 3 | user_id 16 | seq 5 | part 2 | last 1 | frames - 1: 9 | CRC-16

Most significant bits first. Version 1 has the codecs 0 to 7, version 2 those from 8 to 15: together the two fields are
8 + the codec's number, and receivers that know version 1 alone refuse what they could not decode. The CRC is
CRC-16-CCITT (polynomial 0x1021, from 0xFFFF) of the 38 bits behind two zeros, five bytes. The 54 bits are one word
of a polar code (phy/polar.py), of length 512 in the long preamble and 256 in the short one: bit i on air is its bit
`places[i]`, so that 384 or 32 are sent twice, plus bit i of a maximum-length sequence, so that no header looks like a
carrier. Two bits are a QPSK symbol, the first its real and the second its imaginary part, 0 positive and 1 negative.
"""

import binascii
from dataclasses import dataclass, fields
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.signal import max_len_seq

from . import polar
from .exact import product
from .preamble import LONG, Preamble

VERSIONS = 1, 2

_WIDTHS = (4, 16, 5, 2, 1, 9)  # bits of the fields of `Header`; the codec's first is of the version
_BITS = 1 + sum(_WIDTHS) + 16
_VERSION_1 = 1 << sum(_WIDTHS) - 1

# For each number of bits sent one that has no factor in common with it: neighbours in the code are far apart on air. In
# the long header so are the two copies of a bit, 192 symbols (384 or 512 bits) or more: no fade of 128 takes both.
_STRIDES = {896: 559, 288: 179}

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


class _Code(NamedTuple):
    """How 54 bits become so many on air."""

    information: np.ndarray  # bool [length of the mother code]
    places: np.ndarray  # int [bits on air], in the mother code
    signs: np.ndarray  # float [bits on air], of the scrambler


@cache
def _code(sent: int) -> _Code:
    length = 1 << sent.bit_length() - 1
    places = _STRIDES[sent] * np.arange(sent) % sent % length
    # x^11 + x^9 + 1, from all ones
    return _Code(polar.information_set(length, _BITS), places, 1 - 2.0 * max_len_seq(11)[0][:sent])


def encode(header: Header, preamble: Preamble = LONG) -> np.ndarray:
    """The header's symbols: complex64 [preamble.header], |.| = 1, Gray-mapped QPSK.

    Raises:
        ValueError: a field is no integer of its range.
    """
    word = _with_crc(_pack(header))
    message = np.array([word >> k & 1 for k in reversed(range(_BITS))], np.uint8)
    code = _code(2 * preamble.header)
    signs = (1 - 2.0 * polar.encode(message, code.information)[code.places]) * code.signs
    return ((signs[::2] + 1j * signs[1::2]) / np.sqrt(2)).astype(np.complex64)


def demap(received: np.ndarray, csi: np.ndarray, n0: np.ndarray | float) -> np.ndarray:
    """What each bit sent is worth: ln P(0) / P(1) = 2 sqrt(2) Re or Im(conj(h) y) / N0, between -100 and 100.

    Args:
        received: complex64 [n], y = h x + n; NaN or infinite where nothing is known.
        csi: complex64, h, one or [n].
        n0: noise variance E|n|^2 >= 0, linear, one or [n].

    Returns:
        float32 [2 n], finite.
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
        llrs: float32 [2 * preamble.header], finite, as from `demap`; their number says of which preamble.
        tried: of how many likeliest words the CRC is looked at; `polar.SHORT` take a quarter of the time.

    Raises:
        HeaderError: there is none, or none of this version.
    """
    code = _code(len(llrs))
    soft = np.bincount(code.places, llrs * code.signs, len(code.information))
    looked_at = 0
    for bits in polar.candidates(soft, code.information, tried):
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
