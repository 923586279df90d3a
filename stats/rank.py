"""The largest few of many numbers: merges by keeping the largest of both, reads as "the r-th largest so far"."""

from collections.abc import Iterable
from heapq import nlargest

KEPT = 12
"""How many are kept: two more than the 10th-largest rules read."""


def largest(*groups: Iterable[float]) -> list[float]:
    """The KEPT largest of all groups together, largest first."""
    return nlargest(KEPT, (value for group in groups for value in group))


def rth(values: list[float], r: int) -> float | None:
    """The r-th largest (from 1) of a list that is largest first; None when there are fewer, for then none of that rank was seen."""
    return values[r - 1] if 1 <= r <= len(values) else None
