"""What people write and no reader finds in a dictionary: addresses, dates in digits, call signs, units; in words."""

import re

_IN_ADDRESSES = {
    ".": " dot ", "/": " slash ", ":": " colon ", "@": " at ", "-": " dash ", "_": " underscore ", "&": " and ",
    "?": " question mark ", "=": " equals ", "#": " hash ", "~": " tilde ", "+": " plus ", "%": " percent ",
}  # fmt: skip
_LETTERED = {"www", "http", "https", "ftp"}
_MONTHS = "january february march april may june july august september october november december"
_PREFIXES = {"": "", "k": "kilo", "M": "mega", "G": "giga", "T": "tera", "m": "milli", "u": "micro", "n": "nano"}
# Unit -> its name, and with which prefixes; M and m are not the same, so letters count as they are written.
_BASES = {
    "W": ("watt", ("", "k", "M", "G", "m", "u")), "V": ("volt", ("", "k", "m", "u")), "A": ("ampere", ("m", "k", "u")),
    "s": ("second", ("", "m", "u", "n")), "m": ("meter", ("", "n", "u")), "g": ("gram", ("", "m")),
    "l": ("liter", ("", "m")), "B": ("byte", ("k", "M", "G", "T")), "bit": ("bit", ("", "k", "M", "G")),
    "h": ("hour", ("",)), "min": ("minute", ("",)), "mi": ("mile", ("",)), "Wh": ("watt hour", ("", "k", "M")),
    "F": ("farad", ("u", "n", "m")), "H": ("henry", ("m", "u", "n")), "ohm": ("ohm", ("", "k", "M")),
}  # fmt: skip
UNITS = {
    prefix + unit: _PREFIXES[prefix] + name for unit, (name, prefixes) in _BASES.items() for prefix in prefixes
} | {"km": "kilometer", "cm": "centimeter", "mm": "millimeter", "kg": "kilogram"}
_SAME = ("hertz", "henry")  # in the plural

_END = r"(?<![.,;:!?)'\"])"  # the sentence's, not the address's
_ADDRESS = re.compile(
    rf"(?i)\b(?:(?:https?|ftp)://\S+|www\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|"
    rf"(?:[\w-]+\.)+(?:com|org|net|edu|gov|io|eu|de|uk|txt|pdf|wav|flac|mp3|py|html?)\b(?:/\S*)?){_END}"
)
_ISO_DATE = re.compile(r"(?<![\w-])([12]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?![\w-])")
_DOTTED_DATE = re.compile(r"(?<![\w.])(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.([12]\d{3})(?![\d])")
_SLASHED_DATE = re.compile(r"(?<![\w/])(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\w/])")
# Of amateur and other stations, as the ITU's Radio Regulations give them out, and Maidenhead locators.
_CALL_SIGN = re.compile(r"\b(?:[A-Z]{1,2}|\d[A-Z]|[A-Z]\d)\d[A-Z]{1,4}\b|\b[A-R]{2}\d\d[A-Xa-x]{2}\b")
_SHORT = "MR MRS DR ST LTD FT MT LB LBS KM CM MM KG MPH SGT LT JR"  # words, which `english` has
_NO_WORD = re.compile(r"\b[B-DF-HJ-NP-TV-XZ]{2,}(?=s?\b|\d)")  # capitals without a vowel
_PHONE = re.compile(r"(?<!\w)\+\d[\d ()-]{6,}\d\b")
_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_MEASURE = re.compile(
    rf"(?<![\w.,$£€¥])(\d[\d.,]*)(\s?)({_UNIT})(?:(/|\s?per\s)({_UNIT}))?(?![\w'/^])(?:\.(?=\s+[a-z]))?"
)
_HERTZ = re.compile(r"(?<![\w.])([kMG])Hz\b")
_LOGARITHMIC = re.compile(r"(?<=\d)\s?dB([mivcW]|FS)\b")
_SCIENTIFIC = re.compile(r"(?<=\d)[eE]([+-]?)(\d+)\b")
_BETWEEN = (
    (re.compile(r"(?<=\w)\^(?=[\w-])"), " to the power of "),
    (re.compile(r"(?<=\d)\s?[xX]\s?(?=\d)"), " by "),
    (re.compile(r"(?<=\d)\s?\*\s?(?=\d)"), " times "),
    (re.compile(r"<=(?=\s?[\d-])"), " at most "),
    (re.compile(r">=(?=\s?[\d-])"), " at least "),
    (re.compile(r"<(?=\s?[\d-])"), " less than "),
    (re.compile(r">(?=\s?[\d-])"), " greater than "),
    (re.compile(r"~(?=\s?\d)"), " about "),
    (re.compile(r"(?<!\w)#(?=[A-Za-z])"), " hashtag "),
    (re.compile(r"\be\.\s?g\.", re.IGNORECASE), "for example,"),
)


def spell(text: str) -> str:
    """ASCII text with all this in words; numbers are left to `numerals`.

    >>> " ".join(spell("mail bob.smith@example.com: N0CALL, 5 W on 2024-05-01").split())
    'mail bob dot smith at example dot com : N 0 C A L L, 5 watts on may 1st 2024'
    """
    text = _ADDRESS.sub(_address, text)
    text = _ISO_DATE.sub(lambda m: _date(m[1], m[2], m[3]), text)
    text = _DOTTED_DATE.sub(lambda m: _date(m[3], m[2], m[1]), text)
    text = _SLASHED_DATE.sub(_slashed, text)
    text = _PHONE.sub(lambda m: " plus " + " ".join(re.sub(r"\D", "", m[0])), text)
    text = _CALL_SIGN.sub(lambda m: " ".join(m[0]), text)
    text = _LOGARITHMIC.sub(lambda m: " decibels " + " ".join(m[1]) + " ", text)
    text = _MEASURE.sub(_measure, text)
    text = _HERTZ.sub(lambda m: _PREFIXES[m[1]] + "hertz", text)
    text = _SCIENTIFIC.sub(lambda m: f" times ten to the {'minus ' * (m[1] == '-')}{m[2]} ", text)
    text = _NO_WORD.sub(lambda m: m[0] if m[0] in _SHORT.split() else " ".join(m[0]) + " ", text)
    for sign, words in _BETWEEN:
        text = sign.sub(words, text)
    return text


def _address(match: re.Match) -> str:
    parts = re.split(r"([^A-Za-z0-9])", match[0])
    words = (" ".join(part) if part.lower() in _LETTERED else part for part in parts)
    return " " + "".join(_IN_ADDRESSES.get(word, word) for word in words) + " "


def _date(year: str, month: str, day: str) -> str:
    ending = "th" if day[:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(day[-1], "th")
    return f"{_MONTHS.split()[int(month) - 1]} {int(day)}{ending} {year}"


def _slashed(match: re.Match) -> str:
    """As a date where only one reading is one; else as it stands, for nobody knows which is the month."""
    first, second, year = match.groups()
    if int(first) <= 12 < int(second) <= 31:
        return _date(year, first, second)
    if int(second) <= 12 < int(first) <= 31:
        return _date(year, second, first)
    return f"{int(first)} slash {int(second)} slash {year}"


def _measure(match: re.Match) -> str:
    number, space, unit, per, below = match.groups()
    if unit in ("s", "m") and not space and not below:  # 1930s; $5m and 5m are millions as often as meters
        return match[0]
    name = UNITS[unit]
    many = name if number == "1" or name.endswith(_SAME) else name + "s"
    return f"{number} {many}" + (f" per {UNITS[below]}" if per else "")
