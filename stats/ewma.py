"""An exponentially weighted mean and deviation that no single burst can move far."""

from collections.abc import Sequence
from math import sqrt

CLIP = 4.0
"""Deviations: an update further away counts as this far, so a burst moves the mean a little and the deviation hardly."""

NOISE = 1.0
"""The least deviation on the stabilised scale, where counting noise is 1 wide: a series that was silent must be able to start."""


def winsorised(values: Sequence[float], span: int) -> tuple[float, float]:
    """(mean, deviation) after the last value, weights falling with the usual alpha = 2 / (span + 1). Starts from the first `span` values' own moments;
    (0, 0) of nothing."""
    if not values:
        return 0.0, 0.0
    first = values[:span]
    mean = sum(first) / len(first)
    variance = sum((x - mean) ** 2 for x in first) / len(first)
    alpha = 2.0 / (span + 1)
    for x in values:
        reach = CLIP * max(sqrt(variance), NOISE)
        step = max(-reach, min(reach, x - mean))
        mean += alpha * step
        variance = (1 - alpha) * (variance + alpha * step * step)
    return mean, sqrt(variance)
