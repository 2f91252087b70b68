"""The alphabet: 26 letters, space and apostrophe, and CTC's blank (Weng et al., section IV-C)."""

import unicodedata

ALPHABET = " abcdefghijklmnopqrstuvwxyz'"
BLANK = len(ALPHABET)  # index of the CTC blank
TOKENS = len(ALPHABET) + 1  # 29

_INDEX = {character: index for index, character in enumerate(ALPHABET)}


def encode(text: str) -> list[int]:
    """Token indices of `text`.

    Raises:
        ValueError: a character is not in `ALPHABET`.
    """
    try:
        return [_INDEX[character] for character in text]
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is not one of the {len(ALPHABET)} characters of the alphabet") from None


def spoken(text: str) -> tuple[str, str]:
    """`text` in the alphabet's characters, as a voice takes it, and the letters and digits that it has no sound for.

    Accents go, capitals become small, all else is a space.
    """
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).lower()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    lost = "".join(sorted({c for c in plain if c.isalnum() and c not in ALPHABET}))
    return " ".join("".join(c if c in ALPHABET else " " for c in plain).split()), lost
