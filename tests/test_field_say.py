"""What people have spoken: digits, signs, addresses and call signs; what cannot be is named, and is no success."""

import subprocess

import pytest
from deepsc_host.files.encoding import decoded
from host_process import COMMAND, deepsc

from gr_deepsc.english import plain


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        (
            "Dr. Smith paid $3.50 at 10:45 on 2nd May, call 555-1234",
            "doctor smith paid three dollars fifty cents at ten forty five on second may "
            "call five five five one two three four",
        ),
        ("CQ CQ de N0CALL", "c q c q de n zero c a l l"),
        ("DL2ABC in JO62QM, W1AW/P", "d l two a b c in j o six two q m w one a w p"),
        ("mail bob.smith@example.com", "mail bob dot smith at example dot com"),
        ("www.example.org/a_b, please.", "w w w dot example dot org slash a underscore b please"),
        ("https://x.org", "h t t p s colon slash slash x dot org"),
        ("5 W, 1 V, 2.5 kW, -73 dBm", "five watts one volt two point five kilowatts minus seventy three decibels m"),
        ("14.230 MHz, 10 µs", "fourteen point two three zero megahertz ten microseconds"),
        ("3 km/h, 5 kΩ", "three kilometers per hour five kiloohms"),
        ("2024-05-01", "may first twenty twenty four"),
        ("25/12/2024", "december twenty fifth twenty twenty four"),
        ("12/25/2024", "december twenty fifth twenty twenty four"),
        ("05/12/2024", "five slash twelve slash twenty twenty four"),  # of May or of December: nobody knows
        ("+49 170 1234567", "plus four nine one seven zero one two three four five six seven"),
        ("1.5e-3", "one point five times ten to the minus three"),
        ("2^10, 3x4, <5", "two to the power of ten three by four less than five"),
        ("#radio, file.txt, e.g. this", "hashtag radio file dot txt for example this"),
        # what was right stays so
        ("the 1930s, 60 s, $5m, 5m", "the nineteen thirties sixty seconds five million dollars five m"),
        ("HELLO MY DRY WORLD, MR. FOX", "hello my dry world mister fox"),
    ],
)  # fmt: skip
def test_field_digits_signs_and_addresses_are_spoken(written, spoken):
    assert plain(written) == spoken


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_field_encodings_of_standard_input_are_recognised(encoding):
    assert decoded("Grüße um 5, café".encode(encoding))[0] == "Grüße um 5, café"


def test_field_what_is_not_spoken_is_named_and_is_no_success(tmp_path):
    done = deepsc("say", "hello \u0436 \u65e5", "--out", tmp_path / "a.wav")
    assert done.returncode == 1 and (tmp_path / "a.wav").is_file()
    assert "not spoken: \u0436 (cyrillic small letter zhe), \u65e5 (cjk unified ideograph-65e5)" in done.stderr
    command = [*COMMAND, "say", "-", "--out", str(tmp_path / "b.wav")]
    done = subprocess.run(command, input=bytes(range(128, 160)), capture_output=True, timeout=90)
    assert done.returncode == 2 and b"iconv" in done.stderr and not (tmp_path / "b.wav").exists()
