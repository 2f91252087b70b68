"""A written word as CTC spells it: small letters, numbers in words."""

import re

from num2words import num2words

from ..text import spoken


def plain(word: str) -> str:
    """`word` in the 28 characters; more words than one where it is a number, none where it has no sound.

    >>> plain("Mother's,"), plain("11"), plain("%")
    ("mother's", 'eleven', '')
    """
    digits = re.sub(r"(?<=\d),(?=\d)", "", word)
    return spoken(re.sub(r"\d+", lambda number: f" {num2words(int(number[0]))} ", digits))[0]
