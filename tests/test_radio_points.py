"""The table of radio test points: small here, whole in `make test-slow`. docs/impairments.md has the figures."""

import pytest
import radio_impairments
import radio_points
from radio_points import check

TESTS = (*radio_points.TESTS, *radio_impairments.TESTS)
FAST = [test for test in TESTS if test.__name__ != "modem_loss"]
SIZES = {"false_sync": 0.02}


@pytest.mark.parametrize("test", FAST, ids=lambda test: test.__name__)
def test_small(test):
    check(test, SIZES.get(test.__name__, 0.0))


@pytest.mark.slow
@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.__name__)
def test_whole(test):
    check(test, 1.0)
