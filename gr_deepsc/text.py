"""The alphabets: the paper's 26 letters, space and apostrophe, and CTC's blank (Weng et al., section IV-C); and
written English, which the codec with context sends."""

import unicodedata

ALPHABET = " abcdefghijklmnopqrstuvwxyz'"
BLANK = len(ALPHABET)  # index of the CTC blank
TOKENS = len(ALPHABET) + 1  # 29

# What people write. A capital is a character of its own: it costs no symbols more than a small letter.
WRITTEN = ALPHABET + ".,?!-:$£%&0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NOTHING = len(WRITTEN)  # index of no character at all
WRITTEN_TOKENS = len(WRITTEN) + 1  # 75

_INDEX = {alphabet: {c: i for i, c in enumerate(alphabet)} for alphabet in (ALPHABET, WRITTEN)}


def encode(text: str, alphabet: str = ALPHABET) -> list[int]:
    """Token indices of `text`; the alphabet is `ALPHABET` or `WRITTEN`.

    Raises:
        ValueError: a character is not in it.
    """
    try:
        return [_INDEX[alphabet][character] for character in text]
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is not one of the {len(alphabet)} characters of the alphabet") from None


def spoken(text: str) -> tuple[str, str]:
    """`text` in the alphabet's characters, as a voice takes it, and the letters and digits that it has no sound for.

    Accents go, capitals become small, all else is a space.
    """
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).lower()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    lost = "".join(sorted({c for c in plain if c.isalnum() and c not in ALPHABET}))
    return " ".join("".join(c if c in ALPHABET else " " for c in plain).split()), lost
