"""Moments against numpy, merged and whole."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.buckets import bucket, centre
from stats.moments import Moments, log_moments


def of(values: list[float]) -> Moments:
    return Moments(len(values), sum(values), sum(x * x for x in values))


values = st.lists(st.floats(-20, 20), max_size=50)


@given(values, values)
def test_against_numpy(a: list[float], b: list[float]) -> None:
    merged = of(a) + of(b)
    both = a + b
    assert (merged.mean is None) == (not both)
    assert (merged.deviation is None) == (len(both) < 2)
    if merged.mean is not None:
        assert merged.mean == pytest.approx(np.mean(both), abs=1e-9)
    if merged.deviation is not None:
        assert merged.deviation == pytest.approx(np.std(both, ddof=1), abs=1e-4)


def test_two_empties() -> None:
    assert Moments() + Moments() == Moments()


@given(st.lists(st.floats(0.02, 1e6), min_size=2, max_size=40))
def test_log_moments_are_those_of_the_values_within_a_bucket(values: list[float]) -> None:
    histogram: dict[int, int] = {}
    for value in values:
        histogram[bucket(value)] = histogram.get(bucket(value), 0) + 1
    found = log_moments(histogram.items())
    exact = [log(centre(bucket(value))) for value in values]
    assert found.n == len(values)
    assert found.mean == pytest.approx(np.mean(exact))
    assert found.mean == pytest.approx(np.mean(np.log(values)), abs=0.05)


def test_zero_is_no_logarithm() -> None:
    assert log_moments([(0, 5)]) == Moments()
