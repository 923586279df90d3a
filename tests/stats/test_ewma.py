"""The winsorised moving average: the plain one where nothing is clipped, and hardly moved by a burst."""

import pytest

from stats.ewma import CLIP, winsorised


def plain(values: list[float], span: int) -> tuple[float, float]:
    first = values[:span]
    mean = sum(first) / len(first)
    variance = sum((x - mean) ** 2 for x in first) / len(first)
    alpha = 2 / (span + 1)
    for x in values:
        step = x - mean
        mean += alpha * step
        variance = (1 - alpha) * (variance + alpha * step**2)
    return mean, variance**0.5


def test_is_the_plain_one_without_outliers() -> None:
    values = [5 + (i % 7) / 3 for i in range(300)]
    assert winsorised(values, 72) == pytest.approx(plain(values, 72))


def test_a_burst_moves_it_by_a_clipped_step() -> None:
    calm = [5.0] * 200
    mean, _ = winsorised([*calm, 1000.0], 72)
    assert mean == pytest.approx(5.0 + 2 / 73 * CLIP)


def test_a_silent_series_can_start() -> None:
    mean, _ = winsorised([1.2] * 72 + [8.0] * 200, 72)
    assert mean > 7


def test_empty_and_one() -> None:
    assert winsorised([], 72) == (0.0, 0.0)
    assert winsorised([3.0], 72) == (3.0, 0.0)
