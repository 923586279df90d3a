"""Distinct values of one parameter by one IP in 24 hours."""

from detectors.slow_parameter_enumeration import slow_parameter_enumeration
from tests.build import IP, START, baseline, window
from windows.day import RollingDay


def crawl(per_window: int, windows: int, own: float | None = None) -> list[float]:
    day = RollingDay()
    found = []
    for n in range(windows):
        ids = range(n * per_window, (n + 1) * per_window)
        regulars = {"day:path:id": {IP: own}} if own else {}
        judged = window(start=START + 20 * n, values=[(IP, "path:id", ids, True)], day=day, regulars=regulars)
        found += [sighting.observed for sighting in slow_parameter_enumeration(judged, baseline())]
        day.touched.clear()
    return found


def test_four_ids_a_window_are_found_within_three_hours() -> None:
    assert crawl(4, 6) == []
    assert crawl(4, 7) == [28]


def test_a_regular_is_measured_against_itself() -> None:
    assert crawl(4, 15, own=40.0) == []
    assert crawl(4, 16, own=40.0) == [64]


def test_a_day_later_it_is_forgotten() -> None:
    assert crawl(1, 30) == [26, 27, 28, 29, 30]
    day = RollingDay()
    window(values=[(IP, "path:id", range(25), True)], day=day)
    day.touched.clear()
    judged = window(start=START + 24 * 60, values=[(IP, "path:id", range(50, 60), True)], day=day)
    assert list(slow_parameter_enumeration(judged, baseline())) == []


def test_search_terms_are_no_identifiers() -> None:
    judged = window(values=[(IP, "query:q", range(100), True)], value_type=10)
    assert list(slow_parameter_enumeration(judged, baseline())) == []
