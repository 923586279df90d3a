"""Count, mean and standard deviation that merge by addition."""

from collections.abc import Iterable
from math import log, sqrt

import msgspec

from stats.buckets import centre


class Moments(msgspec.Struct, frozen=True, array_like=True):
    """Power sums of n numbers. Exact to float precision for the magnitudes used here (logarithms)."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation; None below two numbers."""
        if self.n < 2:
            return None
        return sqrt(max(0.0, (self.squares - self.total * self.total / self.n) / (self.n - 1)))


_LOG_CENTRES: dict[int, float] = {}


def log_moments(histogram: Iterable[tuple[int, int]]) -> Moments:
    """Moments of the natural logarithms of what fell into (bucket, n) of `stats.buckets`; the zero bucket is left out."""
    n, total, squares = 0, 0.0, 0.0
    for bucket, count in histogram:
        if bucket:
            x = _LOG_CENTRES.get(bucket)
            if x is None:
                x = _LOG_CENTRES[bucket] = log(centre(bucket))
            n += count
            total += count * x
            squares += count * x * x
    return Moments(n, total, squares)
