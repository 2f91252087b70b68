"""The links' rows of the table of test points: small here, whole in `make test-slow`; docs/impairments.md has them."""

import link_crowds
import link_points
import pytest
from radio_points import check

TESTS = (*link_points.TESTS, *link_crowds.TESTS)


# A flowgraph that is killed and comes back is in test_host_links.py as well.
QUICK = [pytest.param(test, marks=pytest.mark.slow) if test is link_points.restart else test for test in TESTS]


@pytest.mark.parametrize("test", QUICK, ids=lambda test: test.__name__)
def test_small(test):
    check(test, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.__name__)
def test_whole(test):
    check(test, 1.0)
