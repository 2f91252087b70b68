"""Text as files and terminals have it."""

import codecs
import unicodedata

from ..errors import HostError

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
SHOWN = 5  # characters that are named


def decoded(raw: bytes) -> tuple[str, str]:
    """The text in `raw`, and its encoding: utf-8, utf-16-le, utf-16-be or cp1252 (which has Latin-1 in it).

    Raises:
        HostError: it is no text.
    """
    mark, encoding = next(((mark, name) for mark, name in MARKS if raw.startswith(mark)), (b"", ""))
    if not encoding and b"\0" in raw:  # of letters of the West every second byte is 0
        encoding = "utf-16-le" if raw[1::2].count(0) > raw[::2].count(0) else "utf-16-be"
    for name in [encoding] if encoding else ["utf-8", "cp1252"]:
        try:
            return raw[len(mark) :].decode(name), name
        except UnicodeDecodeError:
            continue
    raise HostError("this is no text in UTF-8, UTF-16 or Windows-1252: convert it with iconv")


def named(characters: str) -> str:
    """What they are and how they are called, of many the first: for who cannot see them."""
    told = [f"{each} ({unicodedata.name(each, f'U+{ord(each):04X}').lower()})" for each in characters[:SHOWN]]
    more = len(characters) - SHOWN
    return ", ".join(told) + (f" and {more} others" if more > 0 else "")
