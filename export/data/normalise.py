"""English text -> the 28 characters of the alphabet, with numbers, currency and abbreviations spelled out."""

import re
import unicodedata

from num2words import num2words

from gr_deepsc.text import ALPHABET

_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missis", "messrs": "messieurs", "dr": "doctor", "st": "saint", "co": "company",
    "jr": "junior", "sr": "senior", "maj": "major", "gen": "general", "drs": "doctors", "rev": "reverend",
    "lt": "lieutenant", "hon": "honorable", "sgt": "sergeant", "capt": "captain", "esq": "esquire",
    "ltd": "limited", "col": "colonel", "ft": "fort", "etc": "et cetera", "no": "number", "vs": "versus",
}  # fmt: skip
_NEEDS_DOT = re.compile(r"\b(" + "|".join(_ABBREVIATIONS) + r")\.(?=\W|$)", re.IGNORECASE)
_TITLES = re.compile(r"\b(mr|mrs|dr|messrs)\b", re.IGNORECASE)  # written without a dot as often as with one
_SYMBOLS = {"&": " and ", "%": " percent ", "@": " at ", "+": " plus ", "=": " equals ", "°": " degrees "}
_CURRENCIES = {"$": "USD", "£": "GBP", "€": "EUR"}
_MONEY = re.compile(r"([$£€])\s?(\d[\d,]*(?:\.\d{1,2})?)(\s(?:hundred|thousand|million|billion|trillion))?\b")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(st|nd|rd|th)?\b|\d+")
_YEAR = re.compile(r"(?<![\d,.])1[1-9]\d\d(?![\d,]|\.\d)")
_UNITS = {"USD": "dollars", "GBP": "pounds", "EUR": "euros"}


def _money(match: re.Match) -> str:
    symbol, digits, scale = match.groups()
    amount = float(digits.replace(",", ""))
    if scale:
        return f"{num2words(amount if amount % 1 else int(amount))}{scale} {_UNITS[_CURRENCIES[symbol]]}"
    words = num2words(amount, to="currency", currency=_CURRENCIES[symbol])  # "three dollars, fifty cents"
    return words if amount % 1 else words.split(",")[0]


def _number(match: re.Match) -> str:
    digits, ordinal = match.group(0), match.group(1)
    digits = digits.removesuffix(ordinal or "").replace(",", "")
    if ordinal and "." not in digits:
        return f" {num2words(int(digits), to='ordinal')} "
    return f" {num2words(float(digits) if '.' in digits else int(digits))} "


def normalise(text: str) -> str:
    """Lower-case `text` with everything a reader says spelled out and everything else made a single space.

    "Mr. Fox paid $3.50 in 1885" -> "mister fox paid three dollars fifty cents in eighteen eighty five".
    """
    text = text.replace("’", "'").replace("‘", "'")
    text = _NEEDS_DOT.sub(lambda m: _ABBREVIATIONS[m.group(1).lower()] + " ", text)
    text = _TITLES.sub(lambda m: _ABBREVIATIONS[m.group(1).lower()], text)
    text = _MONEY.sub(_money, text)
    for symbol, word in _SYMBOLS.items():
        text = text.replace(symbol, word)
    text = _YEAR.sub(lambda m: f" {num2words(int(m.group(0)), to='year')} ", text)
    text = _NUMBER.sub(_number, text)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    text = "".join(character if character in ALPHABET else " " for character in text)
    words = (word.strip("'") for word in text.split())
    return " ".join(word for word in words if word)
