"""The links' rows of the table of test points: small here, whole in `make test-slow`; docs/impairments.md has them."""

import link_points
import pytest
from radio_points import check


@pytest.mark.parametrize("test", link_points.TESTS, ids=lambda test: test.__name__)
def test_small(test):
    check(test, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("test", link_points.TESTS, ids=lambda test: test.__name__)
def test_whole(test):
    check(test, 1.0)
