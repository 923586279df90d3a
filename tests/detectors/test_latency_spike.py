"""The mean logarithm of a window against the week and the day."""

import pytest

from detectors.latency_spike import latency_spike
from model import Severity
from stats.moments import Moments
from tests.build import START, baseline, window
from windows.baseline import LATENCY_ERRORS
from windows.day import RollingDay

USUAL = baseline(milliseconds=50.0)  # deviation of the logarithm: 0.5


@pytest.mark.parametrize(
    ("case", "milliseconds", "found"),
    [
        ("as usual", [50.0] * 20, 0),
        ("faster", [5.0] * 20, 0),
        ("twice as slow, many calls", [100.0] * 20, 1),
        ("twice as slow, few calls", [100.0] * 5, 0),
        ("ten times as slow, few calls", [500.0] * 3, 1),
        ("two calls are no trend", [5_000.0] * 2, 0),
        ("a third slower, however many", [66.0] * 500, 0),
        ("nothing", [], 0),
    ],
)
def test_latency_spike(case: str, milliseconds: list[float], found: int) -> None:
    assert len(list(latency_spike(window(milliseconds=milliseconds), USUAL))) == found, case


def test_a_deploy_that_slowed_the_day_is_no_attack() -> None:
    day = RollingDay()
    for back in range(4, 40):
        day.latency[START - 20 * back] = Moments(10, 46.0, 214.0)  # e^4.6 is 100 ms
    assert list(latency_spike(window(milliseconds=[100.0] * 20, day=day), USUAL)) == []
    recent = RollingDay()
    for back in range(1, 4):
        recent.latency[START - 20 * back] = Moments(100, 460.0, 2140.0)
    assert len(list(latency_spike(window(milliseconds=[100.0] * 20, day=recent), USUAL))) == 1, "the last hour may be the attack itself"


def test_little_history_and_severity() -> None:
    assert list(latency_spike(window(milliseconds=[5_000.0] * 9), baseline())) == []
    assert [s.severity for s in latency_spike(window(milliseconds=[600.0] * 9), USUAL)] == [Severity.HIGH]


def test_an_endpoint_whose_few_callers_are_slow_now_and_then() -> None:
    often = baseline(milliseconds=50.0, tops={LATENCY_ERRORS: [9.0] * 12})
    assert list(latency_spike(window(milliseconds=[500.0] * 3), often)) == []
    once = baseline(milliseconds=50.0, tops={LATENCY_ERRORS: [9.0, 9.0, 2.0, 2.0, 2.0]})
    assert len(list(latency_spike(window(milliseconds=[500.0] * 3), once))) == 1
