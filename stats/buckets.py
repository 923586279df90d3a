"""Logarithmic buckets: histograms of bytes and milliseconds that merge by addition and read within 5 %."""

from collections.abc import Mapping
from math import ceil, exp, log

SMALLEST = 0.01
"""Below it everything is bucket 0: a hundredth of a byte or of a millisecond is nothing."""
GROWTH = 1.1
"""Each bucket ends 1.1 times higher than the one before, so its centre is at most 5 % away from what fell into it."""

_LOG_GROWTH = log(GROWTH)
_LOG_SMALLEST = log(SMALLEST)


def bucket(value: float) -> int:
    """The bucket of a value in bytes or milliseconds; about 330 buckets reach a terabyte."""
    return 1 + int((log(value) - _LOG_SMALLEST) / _LOG_GROWTH) if value >= SMALLEST else 0


def centre(number: int) -> float:
    """The geometric middle of a bucket; 0 for bucket 0."""
    return SMALLEST * exp((number - 0.5) * _LOG_GROWTH) if number else 0.0


def quantile(histogram: Mapping[int, int], share: float) -> float | None:
    """The value below which a share of all lies, within 5 % (nearest rank); None of nothing."""
    rank, passed = ceil(share * sum(histogram.values())), 0
    for number in sorted(histogram):
        passed += histogram[number]
        if passed >= rank > 0:
            return centre(number)
    return None
