"""How written English is spoken: numbers, money, times, abbreviations; and where a reader pauses."""

import random
import re

import pytest

from gr_deepsc.english import clauses, plain, unspoken
from gr_deepsc.numerals import cardinal
from gr_deepsc.text import ALPHABET, WRITTEN


@pytest.mark.parametrize(
    "written, spoken",
    [
        ("Mr. Fox paid $3.50 in 1885.", "mister fox paid three dollars fifty cents in eighteen eighty five"),
        ("$5 million; £20", "five million dollars twenty pounds"),  # as LJSpeech's reader says £, 88 times of 88
        ("Dr Smith's 3rd dog, No. 5", "doctor smith's third dog number five"),
        ("at 10% & 12:30", "at ten percent and twelve thirty"),
        ("1,234 sheep, 3.5 cows", "one thousand two hundred and thirty four sheep three point five cows"),
        ("the ’45 -- “café”, 'quoted'", "the forty five cafe quoted"),
        ("AS YOU KNOW", "as you know"),
        ("", ""),
        ("well-known, twenty-one", "well known twenty one"),
        ("Où est-ce? Straße, ﬁve 😀", "ou est ce strasse five"),
    ],
)
def test_plain(written, spoken):
    """What a reader says is spelled out, and only the 28 characters are left."""
    assert plain(written) == spoken
    assert set(spoken) <= set(ALPHABET)


@pytest.mark.parametrize(
    "written, spoken",
    [
        ("0.5", "zero point five"),
        (".22", "point two two"),
        ("3.50", "three point five zero"),
        ("1,000,000", "one million"),
        ("1,2,3", "one two three"),
        ("007", "zero zero seven"),
        ("5551234567", "five five five one two three four five six seven"),
        ("100%", "one hundred percent"),
        ("-5°C", "minus five degrees celsius"),
        ("B52, 3D, C2766", "b fifty two three d c two seven six six"),
        ("192.168.0.1", "one hundred and ninety two point one hundred and sixty eight point zero point one"),
        ("call 555-1234", "call five five five one two three four"),
        ("(212) 555-1234", "two one two five five five one two three four"),
        ("3/4, 1/2, 1½", "three quarters one half one and one half"),
        ("9/11, 24/7", "nine eleven twenty four seven"),
        ("2nd, 21ST, 1,000th", "second twenty first one thousandth"),
        ("in 1803, in 2024, in 2005", "in eighteen oh three in twenty twenty four in two thousand and five"),
        ("1930s, the '60s, 747s", "nineteen thirties the sixties seven hundred and forty sevens"),
        ("10-20, 1914–1918", "ten twenty nineteen fourteen to nineteen eighteen"),
        ("٣٤ Ⅷ ① 10²", "thirty four eight one ten squared"),
        ("50 MHz, 1 km, 6 ft.", "fifty megahertz one kilometer six feet"),
        ("#5", "number five"),
    ],
)
def test_numbers(written, spoken):
    assert plain(written) == spoken


@pytest.mark.parametrize(
    "written, spoken",
    [
        ("$1.5 million", "one point five million dollars"),
        ("$1", "one dollar"),
        ("$0.50", "fifty cents"),
        ("£1.01", "one pound one penny"),
        ("$5k, €2bn, ¥500", "five thousand dollars two billion euros five hundred yen"),
        ("$3.505", "three point five zero five dollars"),
        ("-$5", "minus five dollars"),
        ("$", "dollars"),
    ],
)
def test_money(written, spoken):
    assert plain(written) == spoken


@pytest.mark.parametrize(
    "written, spoken",
    [
        ("10:45", "ten forty five"),
        ("10:05 p.m.", "ten oh five p m"),
        ("10:00", "ten o'clock"),
        ("10:00AM", "ten a m"),
        ("14:00", "fourteen hundred"),
        ("5pm", "five p m"),
        ("4:3", "four three"),
    ],
)
def test_times_of_day(written, spoken):
    assert plain(written) == spoken


@pytest.mark.parametrize(
    "written, spoken",
    [
        ("He said no. No.", "he said no no"),
        ("No. 5 and No. C7", "number five and number c seven"),
        ("St. Paul on Main St.", "saint paul on main street"),
        ("A.M., U.S., Ph.D., i.e. J. Smith", "a m u s p h d i e j smith"),
        ("Smith & Co. etc., &c.", "smith and company et cetera et cetera"),
        ("Jan. 5, Sen. Fox, the sen.", "january five senator fox the sen"),
    ],
)
def test_abbreviations(written, spoken):
    assert plain(written) == spoken


@pytest.mark.parametrize(
    "written, pauses",
    [
        ("Well, Mr. Fox? It's 3.50.", ["well", ",", "mister fox", ".", "it's three point five zero", "."]),
        ("1,000 at 10:45, J. Fox", ["one thousand at ten forty five", ",", "j fox", ""]),
        ("so -- he (the fox) ran: up", ["so", ",", "he", ",", "the fox", ",", "ran", ",", "up", ""]),
        ("Smith & Co. Then 5 a.m. or 6", ["smith and company", ".", "then five a m or six", ""]),
        ("one\ntwo\n\nthree...", ["one two", ".", "three", "."]),
        ("well-known end.Next", ["well known end next", ""]),
        ('"Go," he said. "Now!"', ["go", ",", "he said", ".", "now", "."]),
        (", . !", []),
    ],
)
def test_pauses(written, pauses):
    """At commas and stops, but in no number and behind no abbreviation."""
    assert [part for clause in clauses(written) for part in clause] == pauses


def test_any_text_is_spoken():
    """No text raises, none leaves another character, and whoever is plain already stays so."""
    rng = random.Random(0)
    pieces = [
        *WRITTEN,
        *'01234567890123456789 \n\t"()#°½²٣五–—…é😀ßж',
        "1930s",
        "10:45",
        "St.",
        "No. ",
        "a.m.",
        "1,000",
        "th",
    ]
    for _ in range(1000):
        written = "".join(rng.choices(pieces, k=rng.randrange(25)))
        spoken = plain(written)
        assert set(spoken) <= set(ALPHABET) and spoken == " ".join(spoken.split())
        assert plain(spoken) == spoken, written
        written = "".join(chr(rng.choice((rng.randrange(0x110000), rng.randrange(0x500)))) for _ in range(20))
        assert set(plain(written)) <= set(ALPHABET)


def test_no_digit_is_lost():
    """However long the number: a name for each digit, where there is none for the whole."""
    for count in (10, 19, 400, 5000):
        assert plain("7" * count) == " ".join(["seven"] * count)
        assert plain("$" + "7" * count) == " ".join(["seven"] * count) + " dollars"
    assert plain("7" * 19 + "th") == " ".join(["seven"] * 19) + " th"
    for number in ("7" * 9, "777,777,777,777,777,777"):
        assert cardinal(number).count("seven") == len(number.replace(",", ""))
    rng = random.Random(1)
    for _ in range(500):
        written = "".join(rng.choices("0123456789.,:/- $%", k=rng.randrange(1, 15)))
        digits = re.sub(r"[^1-9]", "", written)
        assert bool(plain(written)) >= bool(digits), written


def test_what_has_no_sound():
    """Letters that no English reader knows, and pictures."""
    assert unspoken("ж Σ 3½ é 😀 £5 № 5 kΩ µs … “so”") == "σж😀"
    assert plain("ж x") == "x"
