"""How English says what is written in digits: numbers, years, money, times of day, fractions, telephone numbers."""

import re
from functools import lru_cache

from num2words import num2words

GROUPED = 18  # digits that are said as one number where commas group them; num2words has names for no more than 306
UNGROUPED = 9  # where they do not: more is an account, a key, a telephone's number, and said digit by digit

_INTEGER = r"(?:\d{1,3}(?:,\d{3})+(?![\d])|\d+)"
_DECIMAL = rf"{_INTEGER}(?:\.\d+)?"
_NOON = r"(?:\s?([ap])(?:\.\s?m\.|m)(?!\w))"  # a.m., pm
_KINDS = {
    "money": rf"([$£€¥])\s?({_DECIMAL})(?:\s?(hundred|thousand|million|billion|trillion)\b|(k|m|bn)\b)?",
    "telephone": r"(?<![\w-])(?:\d{1,3}[-. ])?(?:\(\d{3}\)\s?|\d{3}[-. ])?\d{3}-\d{4}(?![\w-])",
    "clock": rf"(?<![\d:.,])(2[0-4]|[01]?\d):([0-5]\d)(?::([0-5]\d))?(?![\d:]){_NOON}?",
    "hour": rf"(?<![\d:.,])(1[0-2]|[1-9]){_NOON}",
    "fraction": r"(?<![\d/])(?:(\d{1,4})\s+)?(\d{1,4})/(\d{1,4})(?![\d/])",
    "several": rf"({_INTEGER})'?s\b",
    "ordinal": rf"({_INTEGER})(?:st|nd|rd|th)\b",
    "serial": r"(?<=[A-Z])\d{4,}",
    "dotted": r"\d+(?:\.\d+){2,}",
    "part": r"(?<![\w.])\.(\d+)",
    "year": r"(?<![\d,.])(?:1[1-9]\d\d|20[1-9]\d)(?!\d|,\d{3}|\.\d)",
    "number": _DECIMAL,
}
_ANY = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()), re.IGNORECASE | re.ASCII)
_FIRST = {kind: _ANY.groupindex[kind] for kind in _KINDS}  # number of each kind's whole match; its parts come next

_UNITS = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
}
_SCALES = {"k": "thousand", "m": "million", "bn": "billion"}
_DENOMINATORS = {*range(2, 11), 16, 20, 32, 64, 100, 1000}  # 9/11 and 24/7 are no fractions
_YEAR = re.compile(r"1[1-9]\d\d|20[1-9]\d")


def spell(text: str) -> str:
    """ASCII text (and £, €, ¥) with every digit said in words, in small letters and without punctuation.

    >>> " ".join(spell("$3.50 at 10:45 on the 2nd, 3/4 of 1,200 in the 1930s").split())
    'three dollars fifty cents at ten forty five on the second, three quarters of one thousand two hundred in the nineteen thirties'
    """  # noqa: E501
    return _ANY.sub(_apart, text)


def cardinal(number: str) -> str:
    """ "1,234.50" -> "one thousand two hundred and thirty four point five zero"; no digit of any length is lost."""
    whole, _, part = number.partition(".")
    digits = whole.replace(",", "")
    as_one = len(digits) <= (GROUPED if "," in whole else UNGROUPED) and (digits[0] != "0" or digits == "0")
    words = _words(int(digits)) if as_one else one_by_one(digits)
    return f"{words} point {one_by_one(part)}" if part else words


def one_by_one(digits: str) -> str:
    """ "007" -> "zero zero seven"."""
    return " ".join(_words(int(digit)) for digit in digits)


@lru_cache(1024)
def _words(number: int, to: str = "cardinal") -> str:
    return " ".join(re.split(r"[-,\s]+", num2words(number, to=to)))


def _apart(match: re.Match) -> str:
    """What is said, and a space to a letter or digit next to it."""
    first, end = match.span()
    before, behind = match.string[max(first - 1, 0) : first], match.string[end : end + 1]
    return f"{' ' * before.isalnum()}{_said(match)}{' ' * behind.isalnum()}"


def _said(match: re.Match) -> str:
    kind = match.lastgroup or "number"
    parts = match.groups()[_FIRST[kind] :]
    match kind:
        case "money":
            return _money(*parts[:4])
        case "telephone" | "serial":
            return one_by_one(re.sub(r"\D", "", match[0]))
        case "clock":
            return _clock(*parts[:4])
        case "hour":
            return f"{cardinal(parts[0])} {parts[1]} m"
        case "fraction":
            return _fraction(*parts[:3])
        case "several":
            return _several(parts[0])
        case "ordinal":
            return _ordinal(parts[0])
        case "dotted":
            return " point ".join(map(cardinal, match[0].split(".")))
        case "part":
            return f"point {one_by_one(parts[0])}"
        case "year":
            return _words(int(match[0]), "year")
    return cardinal(match[0])


def _money(sign: str, amount: str, scale: str | None, letter: str | None) -> str:
    one, many, penny, pence = _UNITS[sign]
    scale = scale or _SCALES.get((letter or "").lower())
    whole, _, part = amount.partition(".")
    if scale:
        return f"{cardinal(amount)} {scale} {many}"
    if not penny or len(part) > 2:
        return f"{cardinal(amount)} {many if part or whole != '1' else one}"
    small = int(part.ljust(2, "0"))
    words = [f"{cardinal(whole)} {one if whole == '1' else many}"] if not small or whole.strip("0") else []
    return " ".join(words + ([f"{_words(small)} {penny if small == 1 else pence}"] if small else []))


def _clock(hour: str, minute: str, second: str | None, noon: str | None) -> str:
    said = [_words(int(hour))]
    if int(minute):
        said.append(_minutes(minute))
    elif not noon:
        said.append("o'clock" if 1 <= int(hour) <= 12 and not second else "hundred")
    if second:
        said.append(_minutes(second))
    return " ".join(said + ([f"{noon} m"] if noon else []))


def _minutes(digits: str) -> str:
    return f"oh {_words(int(digits))}" if digits[0] == "0" else _words(int(digits))


def _fraction(whole: str | None, above: str, below: str) -> str:
    before = [cardinal(whole)] if whole else []
    if not (0 < int(above) < int(below) and int(below) in _DENOMINATORS):
        return " ".join([*before, cardinal(above), cardinal(below)])
    part = {2: "half", 4: "quarter"}.get(int(below)) or _words(int(below), "ordinal")
    said = f"{cardinal(above)} {part if int(above) == 1 else _plural(part)}"
    return " and ".join([*before, said])


def _several(number: str) -> str:
    return _plural(_words(int(number), "year") if _YEAR.fullmatch(number) else cardinal(number))


def _plural(words: str) -> str:
    if words.endswith("half"):
        return words.removesuffix("f") + "ves"
    if words.endswith("y"):
        return words.removesuffix("y") + "ies"
    return words + ("es" if words.endswith("x") else "s")


def _ordinal(number: str) -> str:
    digits = number.replace(",", "")
    if len(digits) > GROUPED:
        return f"{one_by_one(digits)} th"
    return _words(int(digits), "ordinal")
