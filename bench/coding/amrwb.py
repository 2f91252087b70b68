"""AMR-WB (3GPP TS 26.190) by the two libraries that Debian ships, through ctypes."""

import ctypes
from functools import cache

import numpy as np

FRAME = 320  # samples, 20 ms
# A frame in each of the nine modes, 6.60 to 23.85 kbit/s.
BITS = (132, 177, 253, 285, 317, 365, 397, 461, 477)
DELAY = 95  # samples by which what is decoded lies behind
PACKAGES = "libvo-amrwbenc0 libopencore-amrwb0"  # of Debian


class MissingCodecError(OSError):
    """A library is not installed; the message names the command that installs it."""


def load() -> None:
    """Find both libraries.

    Raises:
        MissingCodecError: one is not installed.
    """
    _encoder(), _decoder()


def encode(samples: np.ndarray, mode: int) -> np.ndarray:
    """Speech to frames of bits, so many that `decode` gives all samples back.

    Args:
        samples: float32 [n] at 16 kHz, full scale 1; clipped beyond.
        mode: 0 to 8, place in `BITS`.

    Returns:
        uint8 [frames, BITS[mode]], most important bits first; frames = ceil((n + DELAY) / 320).
    """
    library = _encoder()
    frames = -(-(len(samples) + DELAY) // FRAME)
    pcm = np.zeros(frames * FRAME, np.int16)
    pcm[: len(samples)] = np.clip(np.rint(np.asarray(samples, np.float64) * 32768), -32768, 32767)
    packed = np.zeros((frames, 1 + -(-BITS[mode] // 8)), np.uint8)  # a header and the frame
    out = ctypes.create_string_buffer(64)
    state = ctypes.c_void_p(library.E_IF_init())
    try:
        for k in range(frames):
            library.E_IF_encode(state, mode, pcm[k * FRAME :].ctypes.data_as(ctypes.c_void_p), out, 0)
            packed[k] = np.frombuffer(out.raw, np.uint8, packed.shape[1])
    finally:
        library.E_IF_exit(state)
    return np.unpackbits(packed[:, 1:], axis=1)[:, : BITS[mode]]


def decode(bits: np.ndarray, lost: np.ndarray, samples: int) -> np.ndarray:
    """Frames of bits to speech; for lost frames the codec conceals.

    Args:
        bits: uint8 [frames, n], n one of `BITS`.
        lost: bool [frames], signalled to the codec as bad frames (bfi).
        samples: how many to give back.

    Returns:
        float32 [samples] at 16 kHz, full scale 1, in time with what was encoded.
    """
    library = _decoder()
    header = bytes([BITS.index(bits.shape[1]) << 3 | 4])  # of RFC 4867's storage format: frame type, quality
    packed = np.packbits(bits, axis=1)
    pcm = np.zeros(len(bits) * FRAME, np.int16)
    state = ctypes.c_void_p(library.D_IF_init())
    try:
        for k, frame in enumerate(packed):
            out = pcm[k * FRAME :].ctypes.data_as(ctypes.c_void_p)
            library.D_IF_decode(state, ctypes.c_char_p(header + frame.tobytes()), out, int(lost[k]))
    finally:
        library.D_IF_exit(state)
    return pcm[DELAY : DELAY + samples].astype(np.float32) / 32768


@cache
def _encoder() -> ctypes.CDLL:
    library = _load("libvo-amrwbenc.so.0")
    library.E_IF_init.restype = ctypes.c_void_p
    return library


@cache
def _decoder() -> ctypes.CDLL:
    library = _load("libopencore-amrwb.so.0")
    library.D_IF_init.restype = ctypes.c_void_p
    return library


def _load(name: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(name)
    except OSError:
        raise MissingCodecError(
            f"AMR-WB needs {name}, which is not here: make bench, or sudo apt-get install {PACKAGES}"
        ) from None
