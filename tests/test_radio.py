"""What a radio is refused for before it is opened."""

import pytest

from gr_deepsc.radio import permission as radio
from gr_deepsc.radio.profiles import PROFILES

GOOD = {"symbol_rate": 50e3, "sample_rate": 2e6, "frequency": 433.92e6, "lo_offset": 250e3, "ppm": -3.0}


def test_permission():
    """Only the word itself; what it is about is said where it is missing."""
    assert radio.permit("yes")
    for answer in ("no", "", "Yes", "true", "y"):
        with pytest.raises(radio.RadioError, match=r"licence.*at least 40 dB.*--i-may-transmit yes") as refused:
            radio.permit(answer)
        assert refused.value.error_type == "not_permitted"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"lo_offset": 0},
        {"lo_offset": -250e3},
        {"lo_offset": 31.25e3},
        {"lo_offset": 768.75e3},
        {"sample_rate": 200e3, "offset_in_band": False},
        {"symbol_rate": 1_200, "sample_rate": 48_000, "lo_offset": 1_500},
        {"ppm": 200},
    ],
)
def test_what_fits(change):
    assert radio.check(**GOOD | change)


@pytest.mark.parametrize(
    ("change", "error_type"),
    [
        ({"symbol_rate": 0}, "bad_rate"),
        ({"sample_rate": 2.1e6}, "bad_rate"),
        ({"sample_rate": 100e3}, "bad_rate"),
        ({"sample_rate": 0}, "bad_rate"),
        ({"frequency": 0}, "bad_frequency"),
        ({"lo_offset": 31e3}, "bad_offset"),
        ({"lo_offset": -1.0}, "bad_offset"),
        ({"lo_offset": 769e3}, "bad_offset"),
        ({"sample_rate": 200e3}, "bad_offset"),
        ({"lo_offset": 200.0, "offset_in_band": False}, "bad_offset"),
        ({"ppm": -201}, "bad_ppm"),
        ({"ppm": float("nan")}, "bad_ppm"),
    ],
)
def test_what_does_not(change, error_type):
    with pytest.raises(radio.RadioError) as refused:
        radio.check(**GOOD | change)
    assert refused.value.error_type == error_type


def test_profiles_fit():
    """The shipped defaults."""
    for name in ("usrp", "hackrf"):
        profile = PROFILES[name]
        assert radio.check(profile.symbol_rate, profile.sample_rate, 433.92e6, profile.offset)
