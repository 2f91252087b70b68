"""How written English is spoken: its words, of the 28 characters of `text.ALPHABET`, and where a reader pauses."""

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

from . import numerals, signs
from .text import ALPHABET

# What typewriters had no key for.
_SIGNS = (
    dict.fromkeys("’‘ʼ′`´", "'") | dict.fromkeys("“”„«»", '"') | dict.fromkeys("—―–", "--")
    | dict.fromkeys("‐‑−", "-") | dict.fromkeys("⁄∕", "/") | dict.fromkeys("™©®", " ") | dict.fromkeys("£€¥°", None)
    | {"…": "...", "№": " number ", "¢": " cents ", "×": " times ", "÷": " divided by ", "±": " plus or minus "}
    | {"²": " squared ", "³": " cubed ", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d"}
    | {"þ": "th", "ı": "i", "。": ".", "、": ",", "µ": "u", "μ": "u", "Ω": "ohm", "≈": "~", "≤": "<=", "≥": ">="}
    | {"→": " to ", "∞": " infinity ", "√": " square root of ", "₽": " roubles ", "₹": " rupees "}
    | dict.fromkeys("•·●▪★☆✓✔", ",")
)  # fmt: skip
_SYMBOLS = {
    "&": " and ", "%": " percent ", "@": " at ", "+": " plus ", "=": " equals ", "°": " degrees ", "$": " dollars ",
    "£": " pounds ", "€": " euros ", "¥": " yen ",
}  # fmt: skip
_TITLES = {"mr": "mister", "mrs": "missis", "dr": "doctor", "messrs": "messieurs"}  # with a full stop or without
_BEFORE_A_NAME = {  # a stop behind these ends nothing
    "st": "saint", "maj": "major", "gen": "general", "drs": "doctors", "rev": "reverend", "lt": "lieutenant",
    "hon": "honorable", "sgt": "sergeant", "capt": "captain", "col": "colonel", "ft": "fort", "mt": "mount",
    "prof": "professor", "vs": "versus", "approx": "approximately", "dept": "department",
}  # fmt: skip
_AFTER_A_NAME = {  # behind these it may end a sentence
    "co": "company", "jr": "junior", "sr": "senior", "esq": "esquire", "ltd": "limited", "ave": "avenue",
    "blvd": "boulevard", "etc": "et cetera",
}  # fmt: skip
_OFFICES = {"gov": "governor", "sen": "senator", "rep": "representative"}  # before a name only: words of their own
_BEFORE_A_NUMBER = {
    "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "fig": "figure", "vol": "volume", "ch": "chapter",
    "sec": "section", "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june",
    "jul": "july", "aug": "august", "sep": "september", "sept": "september", "oct": "october", "nov": "november",
    "dec": "december",
}  # fmt: skip
_UNITS = {
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "kg": "kilogram", "lb": "pound", "lbs": "pound",
    "oz": "ounce", "ft": "foot", "mph": "mile", "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz",
    "ghz": "gigahertz", "db": "decibel",
}  # fmt: skip
_FEW = {"foot": "feet"} | {f"{many}hertz": f"{many}hertz" for many in ("", "kilo", "mega", "giga")}


def _one_of(words: dict[str, str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_NEW_SENTENCE = r"""(?=["')\]]*\s+["'(]*[A-Z])"""
_STREET = re.compile(r"\b([A-Z][a-z]+|\d+(?:st|nd|rd|th)) St\.(?=\s*(?:$|[,;:!?)\"])|\s+[a-z])")
_AND_SO_ON = re.compile(r"&c\b\.?")
_TITLE = re.compile(rf"(?<![A-Za-z])({_one_of(_TITLES)})(?![A-Za-z])\.?", re.IGNORECASE)
_NAMED = re.compile(rf"\b({_one_of(_BEFORE_A_NAME)})\.(?!\w)", re.IGNORECASE)
_OFFICE = re.compile(rf"\b({_one_of(_OFFICES | {k.title(): '' for k in _OFFICES})})\.(?=\s+[A-Z])")
_CLOSING = re.compile(rf"\b({_one_of(_AFTER_A_NAME)})(?:(\.){_NEW_SENTENCE}|\.(?!\w))", re.IGNORECASE)
_NUMBERED = re.compile(rf"\b({_one_of(_BEFORE_A_NUMBER)})\.\s*(?=[A-Z]?\d)", re.IGNORECASE)
_UNIT = re.compile(rf"(?<![\d.,])(\d[\d.,]{{0,20}})\s?({_one_of(_UNITS)})\b(?:\.(?=\s+[a-z]))?", re.IGNORECASE)
_LETTERS = re.compile(r"\b[A-Za-z](?:\.[A-Za-z])+\b\.?|\bph\.d\b\.?", re.IGNORECASE)
_NOON = re.compile(r"(?<=\d)\s?[ap]\.\s?m\.", re.IGNORECASE)  # the numeral's own
_INITIAL = re.compile(r"\b([A-HJ-Z])\.(?=\s+[A-Z])")
_RANGE = re.compile(r"(?<=\d)--(?=[$£€¥]?\d)")
_MINUS = re.compile(r"(?:(?<=[\s(=])|^)-(?=[$£€¥]?\.?\d)")
_FEET = re.compile(r"(?<=\d)'(?=\d)")
_SCALE = re.compile(r"°\s?([CF])\b")
_NUMBER_SIGN = re.compile(r"#(?=\d)")
_PAUSE = re.compile(
    r"""(?P<stop>[.?!]+(?=["')\]]*(?:\s|$))|[?!]+|\n\s*\n)|(?P<comma>[,;()\[\]{}]|:(?=\s|$)|--+|(?<=\s)-(?=\s))"""
)


class Clause(NamedTuple):
    """What a reader says in one breath."""

    words: str  # of the alphabet's characters, a space between two words
    stop: str  # what follows: "." of a sentence's end, "," of a shorter pause, "" where the text just ends


def plain(written: str) -> str:
    """The words that a reader says, in the 28 characters of `text.ALPHABET`; what has no sound is left out.

    >>> plain("Dr. Smith paid $3.50 at 10:45 on 2nd May: call 555-1234!")
    'doctor smith paid three dollars fifty cents at ten forty five on second may call five five five one two three four'
    """
    return " ".join(clause.words for clause in clauses(written))


def clauses(written: str) -> list[Clause]:
    """The same words with the pauses between them; no pause is in a number or behind an abbreviation.

    >>> clauses("Well, Mr. Fox? It's 3.50.")
    [Clause(words='well', stop=','), Clause(words='mister fox', stop='.'), Clause(words="it's three point five zero", stop='.')]
    """  # noqa: E501
    text, found, begin = _spelt(_typed(written)[0]), [], 0
    for pause in [*_PAUSE.finditer(text), None]:
        words = _words(text[begin : pause.start()] if pause else text[begin:])
        stop = "" if pause is None else "." if pause["stop"] else ","
        begin = pause.end() if pause else begin
        if words:
            found.append(Clause(words, stop))
        elif found and stop == ".":
            found[-1] = found[-1]._replace(stop=stop)
    return found


def unspoken(written: str) -> str:
    """Letters, digits and pictures of `written` that have no sound in English, small, each once."""
    return _typed(written)[1]


def _typed(written: str) -> tuple[str, str]:
    """`written` in ASCII and £, €, ¥, °; and which letters are lost in that."""
    kept, lost = [], set()
    for character in written:
        if character.isascii():
            kept.append(character)
        elif character in _SIGNS:
            kept.append(_SIGNS[character] or character)
        elif (digit := unicodedata.decimal(character, None)) is not None:
            kept.append(str(digit))
        elif (number := unicodedata.numeric(character, None)) is not None:  # ½, Ⅷ, ①
            kept.append(f" {Fraction(number).limit_denominator(1000)} ")
        else:
            for part in unicodedata.normalize("NFKD", character):
                if part.isascii():
                    kept.append(part)
                elif (known := _SIGNS.get(part.lower())) is not None:
                    kept.append(known)
                elif unicodedata.category(part) not in ("Mn", "Me", "Cf"):
                    kept.append(" ")
                    silent = unicodedata.category(part)[0] in "PZ"  # punctuation and spaces
                    lost |= set() if silent else {part.lower()}
    return "".join(kept), "".join(sorted(lost))


def _spelt(text: str) -> str:
    """What `_typed` gives with abbreviations, numbers and signs in words; the punctuation left is a reader's."""
    text = signs.spell(text)
    text = _STREET.sub(r"\1 street", text)
    text = _AND_SO_ON.sub(" et cetera", text)
    text = _NUMBERED.sub(lambda m: _BEFORE_A_NUMBER[m[1].lower()] + " ", text)
    text = _UNIT.sub(_unit, text)
    text = _TITLE.sub(lambda m: _TITLES[m[1].lower()] + " ", text)
    text = _NAMED.sub(lambda m: _BEFORE_A_NAME[m[1].lower()] + " ", text)
    text = _OFFICE.sub(lambda m: _OFFICES[m[1].lower()] + " ", text)
    text = _CLOSING.sub(lambda m: _AFTER_A_NAME[m[1].lower()] + (m[2] or " "), text)
    text = _NOON.sub(lambda m: f" {m[0].strip()[0]}m ", text)
    text = _LETTERS.sub(_letters, text)
    text = _INITIAL.sub(r"\1 ", text)
    text = _RANGE.sub(" to ", text)
    text = _MINUS.sub(" minus ", text)
    text = _FEET.sub(" ", text)
    text = _SCALE.sub(lambda m: " degrees " + {"C": "celsius", "F": "fahrenheit"}[m[1]], text)
    text = _NUMBER_SIGN.sub(" number ", text)
    text = numerals.spell(text)
    return "".join(_SYMBOLS.get(character, character) for character in text)


def _unit(match: re.Match) -> str:
    unit = _UNITS[match[2].lower()]
    many = unit if match[1] == "1" else _FEW.get(unit, unit + "s")
    return f"{match[1]} {many}{' per hour' if match[2].lower() == 'mph' else ''}"


def _letters(match: re.Match) -> str:
    return " ".join(match[0].replace(".", "")) + " "


def _words(text: str) -> str:
    words = "".join(c if c in ALPHABET else " " for c in text.lower()).split()
    return " ".join(word for word in (word.strip("'") for word in words) if word)
