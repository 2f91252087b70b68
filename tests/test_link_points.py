"""The links' rows of the table of test points: small here, whole in `make test-slow`; docs/impairments.md has them."""

import link_points
import pytest


def check(test, size):
    points = list(test(size))
    for point in points:
        print(*point, sep=" | ")
    failed = [point for point in points if point.passed is False]
    assert not failed


@pytest.mark.parametrize("test", link_points.TESTS, ids=lambda test: test.__name__)
def test_small(test):
    check(test, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("test", link_points.TESTS, ids=lambda test: test.__name__)
def test_whole(test):
    check(test, 1.0)
