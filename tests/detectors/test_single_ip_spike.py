"""Calls of one IP against the 10th-largest of all, against itself, and with little history."""

import pytest

from detectors.single_ip_spike import single_ip_spike
from model import OTHER, Severity
from tests.build import ENDPOINT, IP, START, baseline, window
from windows.day import RollingDay
from windows.live import LiveWindow


@pytest.mark.parametrize(
    ("case", "n", "usual", "own", "pairs", "found"),
    [
        ("a busy person", 30, 8, None, 5000, 0),
        ("above the floor", 31, 8, None, 5000, 1),
        ("where IPs are busy", 50, 40, None, 5000, 0),
        ("more than 1.25 times the 10th-largest", 51, 40, None, 5000, 1),
        ("a regular within its own", 51, 8, 40.0, 5000, 0),
        ("a regular beyond its own", 61, 8, 40.0, 5000, 1),
        ("little history", 60, 8, None, 100, 0),
        ("little history, a flood", 61, 8, None, 100, 1),
        ("little history, three times the largest", 90, 30, None, 100, 0),
    ],
)
def test_single_ip_spike(case: str, n: int, usual: float, own: float | None, pairs: int, found: int) -> None:
    regulars = {"calls:2xx": {IP: own}} if own else {}
    judged = window(calls=[(IP, 200, n), ("198.51.100.1", 200, 3)], regulars=regulars)
    sightings = list(single_ip_spike(judged, baseline(tops={"calls:2xx": [usual] * 12}, pairs=pairs)))
    assert [sighting.actor for sighting in sightings] == [IP] * found, case


@pytest.mark.parametrize(
    ("case", "before", "after", "usual", "own", "found"),
    [
        ("cut in two by the edge", 20, 17, 8, None, [37]),
        ("not more than a fifth above the floor", 20, 16, 8, None, []),
        ("where IPs are busy", 30, 30, 40, None, []),
        ("a fifth more than where IPs are busy", 31, 30, 40, None, [61]),
        ("a regular within its own", 36, 36, 8, 40.0, []),
        ("a regular beyond its own", 37, 36, 8, 40.0, [73]),
        ("enough for the window alone", 20, 31, 8, None, [31]),
    ],
)
def test_a_flood_across_a_windows_edge(case: str, before: int, after: int, usual: float, own: float | None, found: list[int]) -> None:
    day = RollingDay()
    first = LiveWindow(ENDPOINT, START, day=day)
    first.call(IP, 200, before, 0, 0, 0, 0, START + 17)
    regulars = {"calls:2xx": {IP: own}} if own else {}
    second = LiveWindow(ENDPOINT, START + 20, day=day, regulars=regulars)
    second.call(IP, 200, after, 0, 0, 0, 0, START + 22)
    assert [sighting.observed for sighting in single_ip_spike(second, baseline(tops={"calls:2xx": [usual] * 12}))] == found, case


def test_slower_than_ten_minutes_is_not_across_an_edge() -> None:
    day = RollingDay()
    LiveWindow(ENDPOINT, START, day=day).call(IP, 200, 30, 0, 0, 0, 0, START + 12)
    second = LiveWindow(ENDPOINT, START + 20, day=day)
    second.call(IP, 200, 30, 0, 0, 0, 0, START + 22)
    assert list(single_ip_spike(second, baseline())) == []


def test_classes_are_counted_apart() -> None:
    judged = window(calls=[(IP, 200, 25), (IP, 404, 25)])
    assert list(single_ip_spike(judged, baseline())) == []


@pytest.mark.parametrize("nobody", ["", OTHER])
def test_nobody_is_accused(nobody: str) -> None:
    assert list(single_ip_spike(window(calls=[(nobody, 200, 900)]), baseline())) == []


def test_only_who_called_since_is_judged_again() -> None:
    judged = window(calls=[(IP, 200, 100)])
    judged.judged()
    assert list(single_ip_spike(judged, baseline())) == []
    judged.call(IP, 200, 1, 0, 0, 0, 0)
    assert [sighting.observed for sighting in single_ip_spike(judged, baseline())] == [101]


def test_five_times_the_threshold_is_severe() -> None:
    assert [s.severity for s in single_ip_spike(window(calls=[(IP, 200, 150)]), baseline())] == [Severity.HIGH]


@pytest.mark.parametrize(("days", "found"), [(2, 0), (3, 1)])
def test_the_first_days_are_strict(days: int, found: int) -> None:
    judged = window(calls=[(IP, 200, 61)])
    assert len(list(single_ip_spike(judged, baseline(tops={"calls:2xx": [25.0]}, days=days)))) == found
