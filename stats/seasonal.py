"""Rule B: how many are expected in this 20-minute window, and from how many on it is a spike.

A daily season for weekdays and one for weekends, the series' own 10th-largest residual, and a winsorised moving average: both must be exceeded.
docs/detectors.md has the rule; `python -m tools.quality` measures it.
"""

from math import log, sqrt
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stats.ewma import winsorised

WEEKEND_DAYS = (5, 6)
SMOOTH = 3
"""Windows on each side: the hour before and the hour after."""
SHRINK = 5.0
"""Pseudo-counts that pull a thin season towards its mean."""
LEAST = 0.02
"""A rate below one call in 17 hours cannot be told from none."""
LEVEL_DAYS = 5
"""Same-type days that say how busy these days are: a level follows within a week."""
LEVEL_RANGE = (0.5, 2.0)
LEVEL_CALLS = 20.0
"""Calls a day below which a level is noise."""
RESIDUAL_LEAST = 3.0
TAIL_RANKS = (3, 10)
"""Of 30 days: how much larger the third-largest residual is than the tenth says how heavy the tail is (the index of Hill's estimator, from two ranks, so that one
wild window says nothing)."""
LIGHT_TAIL = 0.12
"""The index of counting noise: 3.0 to 2.6 deviations."""
TAIL_CHANCE = 12.0
"""How many times rarer than the tenth-largest residual a window has to be, by the tail, to be a spike ..."""
MOST_TAIL = 1.3
"""... but never more than so many times the line of a series with a light one."""
REPEATED_DAYS = 14
REPEATED_RANK = 2
"""A burst came back if the largest of so many days of the last so many reached as high."""
REPEATED_RISE = 2.4
"""Own residuals: a day's largest counts for so much at most, so that nobody lifts the line quickly."""
EWMA_DAYS = 7
"""Days the moving average runs over; at a span of one day what is older weighs less than a thousandth."""
RECENT_DAYS = 3
"""The moving average is read at the end of each of so many days and the middle reading is believed: one wild day must not hide the next."""

Array = NDArray[np.float64]


def stabilise(x: float) -> float:
    """y = 2 sqrt(x + 3/8): Poisson noise of any level becomes about 1 wide (Anscombe 1948)."""
    return 2.0 * sqrt(x + 0.375)


def unstabilise(y: float) -> float:
    return (y / 2.0) ** 2 - 0.375


class Seasonal(msgspec.Struct, frozen=True, array_like=True):
    """One series, learned. Seasons are [weekday, weekend] x 72 expected counts, level included."""

    seasons: tuple[list[float], list[float]]
    residual: float
    """The r-th largest residual, r = 10 for 30 days."""
    recent: list[tuple[float, float]]
    """Mean and deviation of the winsorised moving average at the end of the last days, on the stabilised scale."""
    mean: float
    deviation: float
    """Of all 20-minute windows of the 30 days."""
    tail: float = 1.0
    """By how much to multiply own residuals where their tail is heavy."""
    repeated: float = 0.0
    """The residual that the largest windows of several late days reached, spikes that were found among them."""

    def expected(self, weekday: int, slot: int) -> float:
        return self.seasons[weekday in WEEKEND_DAYS][slot]

    def usual(self, weekday: int, slot: int) -> tuple[float, float]:
        """The range around the expected count that all but the ten wildest windows of 30 days stayed in, measured above and mirrored below."""
        middle, reach = stabilise(self.expected(weekday, slot)), max(self.residual, RESIDUAL_LEAST)
        return max(0.0, unstabilise(max(middle - reach, stabilise(0.0)))), unstabilise(middle + reach)

    def threshold(self, weekday: int, slot: int, k: float, c: float) -> float:
        """What must be exceeded: both the season by `k` own residuals and the moving average by `c` deviations."""
        seasonal = stabilise(self.seasons[weekday in WEEKEND_DAYS][slot]) + k * max(self.residual, RESIDUAL_LEAST)
        recent = sorted(mean + c * max(deviation, 1.0) for mean, deviation in self.recent)
        return unstabilise(max(seasonal, recent[len(recent) // 2]))

    def came_back(self, weekday: int, slot: int) -> float:
        """The count that bursts of several late days reached, at this hour."""
        return unstabilise(stabilise(self.expected(weekday, slot)) + self.repeated) if self.repeated else 0.0


def fit(counts: Array, first_weekday: int, found: Array | None = None) -> Seasonal | None:
    """`counts`: consecutive days x windows of a day, NaN for windows that must not be learned; `found`: the counts of those in which a spike was found, NaN
    elsewhere. None where there is nothing to learn from."""
    days, slots = counts.shape if counts.ndim == 2 else (0, 0)
    known = ~np.isnan(counts)
    if not days or not known.any():
        return None
    filled = np.where(known, counts, 0.0)
    smooth = _moving_mean(filled.ravel(), known.ravel()).reshape(days, slots)
    weekend = np.isin((first_weekday + np.arange(days)) % 7, WEEKEND_DAYS)
    day_means = np.array([filled[d].sum() / n if (n := known[d].sum()) else np.nan for d in range(days)])
    seasons, levels = [], []
    for kind in (False, True):
        chosen = weekend == kind
        if not chosen.any() or not known[chosen].any():
            chosen = np.ones(days, bool)
        season = _shrunk(_typical(smooth[chosen]), int(chosen.sum()))
        seasons.append(season)
        levels.append(_level(day_means[chosen], season))
    expected = 2 * np.sqrt(np.where(weekend[:, None], seasons[1], seasons[0]) + 0.375)
    residuals = np.sort((2 * np.sqrt(filled + 0.375) - expected)[known])[::-1]
    j, r = (max(1, round(rank * len(residuals) / (30 * slots))) for rank in TAIL_RANKS)
    residual = float(residuals[r - 1])
    of_all_windows = np.where(known, filled, 0.0 if found is None else np.nan_to_num(found))
    recent = [_recent(counts[: days - back][-EWMA_DAYS:]) for back in range(min(RECENT_DAYS, days))]
    of_all = counts[known]
    return Seasonal(
        (_rounded(seasons[0] * levels[0]), _rounded(seasons[1] * levels[1])),
        residual,
        recent,
        float(of_all.mean()),
        float(of_all.std()),
        round(_tail(float(residuals[j - 1]), residual, r / j), 3),
        round(_repeated((2 * np.sqrt(of_all_windows + 0.375) - expected)[-REPEATED_DAYS:], residual), 3),
    )


def _tail(third: float, tenth: float, ranks: float) -> float:
    if ranks <= 1:
        return 1.0
    index = log(max(third, RESIDUAL_LEAST) / max(tenth, RESIDUAL_LEAST)) / log(ranks)
    return float(min(TAIL_CHANCE ** max(0.0, index - LIGHT_TAIL), MOST_TAIL))


def _repeated(residuals: Array, residual: float) -> float:
    largest = np.sort(np.minimum(residuals.max(axis=1), REPEATED_RISE * max(residual, RESIDUAL_LEAST)))[::-1]
    return max(0.0, float(largest[REPEATED_RANK - 1])) if len(largest) >= REPEATED_RANK else 0.0


def _moving_mean(x: Array, known: NDArray[np.bool_]) -> Array:
    """The mean of the known among each window and its SMOOTH neighbours on either side; NaN where none is known."""
    kernel = np.ones(2 * SMOOTH + 1)
    totals, ns = np.convolve(x, kernel, "same"), np.convolve(known, kernel, "same")
    mean: Array = np.divide(totals, ns, out=np.full(len(x), np.nan), where=ns > 0)
    return mean


def _typical(smooth: Array) -> Array:
    """Per slot the median over days; the mean where the median is at most 2, for there it is 0 most of the time."""
    overall = float(smooth[~np.isnan(smooth)].mean())
    if not np.isnan(smooth).any():
        median, mean = np.median(smooth, axis=0), smooth.mean(axis=0)
    else:
        columns = [column[~np.isnan(column)] for column in smooth.T]
        median = np.array([np.median(column) if len(column) else overall for column in columns])
        mean = np.array([column.mean() if len(column) else overall for column in columns])
    typical: Array = np.where(median <= 2, mean, median)
    return typical


def _shrunk(season: Array, days: int) -> Array:
    n = (2 * SMOOTH + 1) * days
    w = n * season / (n * season + SHRINK)
    shrunk: Array = np.maximum(w * season + (1 - w) * season.mean(), LEAST)
    shrunk *= max(float(season.mean()), LEAST) / shrunk.mean()  # a nightly job's empty hours must not be paid for by its busy one
    return shrunk


def _recent(counts: Array) -> tuple[float, float]:
    known = counts[~np.isnan(counts)]
    return winsorised((2 * np.sqrt(known + 0.375)).tolist(), counts.shape[1])


def _level(day_means: Array, season: Array) -> float:
    recent = day_means[~np.isnan(day_means)][-LEVEL_DAYS:]
    if not len(recent) or np.median(recent) * len(season) < LEVEL_CALLS:
        return 1.0
    return float(np.clip(np.median(recent) / season.mean(), *LEVEL_RANGE))


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 3) for value in values]
