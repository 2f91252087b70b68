"""The alphabets: the paper's 26 letters, space and apostrophe, and CTC's blank (Weng et al., section IV-C); and
written English, which the codec with context sends."""

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
