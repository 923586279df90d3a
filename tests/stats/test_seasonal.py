"""Rule B: against the formula of docs/detectors.md written out slowly, and on series whose answer is plain."""

from math import sqrt
from statistics import median

import numpy as np
import pytest

from stats.ewma import winsorised
from stats.seasonal import LEAST, Seasonal, fit, stabilise, unstabilise

MONDAY = 0


def month(weekday: float = 10.0, weekend: float = 4.0, days: int = 28, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    hours = 1 + 0.8 * np.sin(np.arange(72) / 72 * 2 * np.pi)
    return np.array([random.poisson((weekend if day % 7 > 4 else weekday) * hours) for day in range(days)], float)


def slow_season(counts: np.ndarray, days: list[int]) -> list[float]:
    flat = counts.ravel()
    season = []
    for slot in range(72):
        means = []
        for day in days:
            at = day * 72 + slot
            near = [x for x in flat[max(0, at - 3) : at + 4] if x == x]
            if near:
                means.append(sum(near) / len(near))
        middle = median(means)
        season.append(sum(means) / len(means) if middle <= 2 else middle)
    mean = sum(season) / 72
    n = 7 * len(days)
    shrunk = [max(n * p / (n * p + 5) * p + (1 - n * p / (n * p + 5)) * mean, LEAST) for p in season]
    scale = mean / (sum(shrunk) / 72)
    return [p * scale for p in shrunk]


def test_against_the_formula_written_out() -> None:
    counts = month()
    found = fit(counts, MONDAY)
    assert found is not None
    for kind in (0, 1):
        days = [day for day in range(28) if (day % 7 > 4) == bool(kind)]
        season = slow_season(counts, days)
        level = median(counts[day].mean() for day in days[-5:]) / (sum(season) / 72)
        assert found.seasons[kind] == pytest.approx([p * level for p in season], abs=2e-3)
    seasons = [slow_season(counts, [day for day in range(28) if (day % 7 > 4) == kind]) for kind in (False, True)]
    residuals = sorted(
        (2 * sqrt(counts[day][slot] + 0.375) - 2 * sqrt(seasons[day % 7 > 4][slot] + 0.375) for day in range(28) for slot in range(72)),
        reverse=True,
    )
    assert found.residual == pytest.approx(residuals[round(10 * 28 * 72 / 2160) - 1])
    assert found.mean == pytest.approx(counts.mean())
    assert found.deviation == pytest.approx(counts.std())
    y = [2 * sqrt(x + 0.375) for x in counts[21:].ravel()]
    assert found.recent[0] == pytest.approx(winsorised(y, 72))


def test_threshold_is_the_larger_of_season_and_recent() -> None:
    quiet = Seasonal(([4.0] * 72, [4.0] * 72), 3.0, [(stabilise(4.0), 1.0)] * 3, 4.0, 2.0)
    assert quiet.threshold(0, 0, 1.25, 3.0) == pytest.approx(unstabilise(stabilise(4.0) + 1.25 * 3.0))
    assert quiet.threshold(0, 0, 0.1, 3.0) == pytest.approx(unstabilise(stabilise(4.0) + 3.0))
    wild = Seasonal(quiet.seasons, 3.0, [(stabilise(4.0), 9.0), (stabilise(4.0), 1.0), (stabilise(4.0), 1.0)], 4.0, 2.0)
    assert wild.threshold(0, 0, 1.25, 3.0) == quiet.threshold(0, 0, 1.25, 3.0)


def test_weekends_have_their_own_season() -> None:
    found = fit(month(20.0, 2.0), MONDAY)
    assert found is not None
    assert found.expected(2, 18) > 3 * found.expected(6, 18)
    assert fit(month(20.0, 2.0), 5) != found


def test_a_level_follows_within_a_week_and_is_clipped() -> None:
    grown = month()
    grown[21:] *= 10
    found, before = fit(grown, MONDAY), fit(month(), MONDAY)
    assert found is not None
    assert before is not None
    ratio = np.mean(found.seasons[0]) / np.mean(before.seasons[0])
    assert 1.8 < ratio < 2.6


def test_a_nightly_job_is_expected_at_its_hour() -> None:
    nightly = np.zeros((28, 72))
    nightly[:, 6] = 200 + np.arange(28) % 7
    found = fit(nightly, MONDAY)
    assert found is not None
    assert found.threshold(2, 6, 1.25, 3.0) > 206


def test_unlearned_windows_are_left_out() -> None:
    clean, poisoned = month(), month()
    poisoned[3, 10:20] = 900
    marked = poisoned.copy()
    marked[3, 10:20] = np.nan
    a, b = fit(clean, MONDAY), fit(marked, MONDAY)
    assert a is not None
    assert b is not None
    assert b.threshold(3, 12, 1.25, 3.0) == pytest.approx(a.threshold(3, 12, 1.25, 3.0), rel=0.1)
    assert b.mean == pytest.approx(np.nanmean(marked))


@pytest.mark.parametrize("counts", [np.zeros((0, 72)), np.full((3, 72), np.nan)])
def test_nothing_to_learn_from(counts: np.ndarray) -> None:
    assert fit(counts, MONDAY) is None


@pytest.mark.parametrize("days", [1, 2, 3])
def test_few_days(days: int) -> None:
    found = fit(month(days=days), MONDAY)
    assert found is not None
    assert found.expected(6, 0) > 0
    assert fit(np.zeros((days, 72)), MONDAY) is not None


def test_stabilise_and_back() -> None:
    assert unstabilise(stabilise(42.0)) == pytest.approx(42.0)


def bursts(counts: np.ndarray, days: list[int], size: float) -> np.ndarray:
    """One window of each of these days, at noon, so many times the usual."""
    wild = counts.copy()
    wild[days, 36] *= size
    return wild


def test_a_heavy_tail_widens_the_line_and_one_wild_window_does_not() -> None:
    counts = month(weekday=100.0, weekend=100.0)
    learned = [fit(bursts(counts, days, 6.0), MONDAY) for days in ([], [20], [3, 9, 15, 21])]
    calm, one, heavy = (one.tail if one else 0.0 for one in learned)
    assert calm == 1.0
    assert one < 1.05
    assert 1.2 < heavy <= 1.3


@pytest.mark.parametrize(("days", "came_back"), [([], False), ([20], False), ([3, 20], False), ([20, 24], True)])
def test_bursts_that_were_found_came_back_on_two_days_of_the_last_fourteen(days: list[int], came_back: bool) -> None:
    counts, found = month(weekday=100.0, weekend=100.0), np.full((28, 72), np.nan)
    found[days, 36] = 260.0
    counts[days, 36] = np.nan
    learned = fit(counts, MONDAY, found)
    assert learned is not None
    assert (learned.came_back(MONDAY, 36) > 160) is came_back


def test_bursts_that_came_back_lift_the_line_by_a_bounded_rise() -> None:
    counts, found = month(weekday=100.0, weekend=100.0), np.full((28, 72), np.nan)
    found[[20, 24], 36] = 100_000.0
    counts[[20, 24], 36] = np.nan
    learned = fit(counts, MONDAY, found)
    assert learned is not None
    assert learned.came_back(MONDAY, 36) < 3 * learned.threshold(MONDAY, 36, 1.2, 3.0)
