"""A Huffman code over the characters of the alphabet (Huffman, Proc. IRE, 1952), by the package `bitarray`."""

from contextlib import suppress
from functools import cache
from importlib import resources

import numpy as np
from bitarray import bitarray
from bitarray.util import huffman_code

from gr_deepsc.text import ALPHABET


@cache
def counts() -> dict[str, int]:
    """How often each character of the alphabet occurs in letters.csv, which tells its source."""
    lines = resources.files(__package__).joinpath("letters.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.rsplit(",", 1) for line in lines if not line.startswith("#")]
    return {character: int(count) for character, count in rows}


@cache
def code() -> dict[str, bitarray]:
    """The bits of each character."""
    return huffman_code(counts())


def encode(text: str) -> np.ndarray:
    """Text in the alphabet to bits: uint8 [n].

    Raises:
        ValueError: a character is not in the alphabet.
    """
    for character in text:
        if character not in ALPHABET:
            raise ValueError(f"{character!r} is not one of the {len(ALPHABET)} characters of the alphabet")
    bits = bitarray()
    bits.encode(code(), text)
    return np.frombuffer(bits.unpack(), np.uint8)


def decode(bits: np.ndarray) -> str:
    """Bits to text: uint8 [n], whatever they are, make characters one after the other; the rest of the last is left."""
    packed = bitarray()
    packed.pack(bits.tobytes())
    text: list[str] = []
    with suppress(ValueError):  # the last character is not complete
        for character in packed.decode(code()):
            text.append(character)
    return "".join(text)
