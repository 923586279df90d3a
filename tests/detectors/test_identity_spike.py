"""Calls of one identity from many addresses."""

import pytest

from detectors.identity_spike import identity_spike
from tests.build import IP, baseline, window

WHO = "user:7"
SPREAD = [(f"198.51.100.{i}", 200, 4) for i in range(50)]


@pytest.mark.parametrize(
    ("case", "n", "calls", "own", "found"),
    [
        ("an ordinary user", 30, SPREAD, None, 0),
        ("a stolen key used from many addresses", 100, SPREAD, None, 1),
        ("a regular within its own", 100, SPREAD, 80.0, 0),
        ("one IP's spike is reported as that IP's", 100, [(IP, 200, 90)], None, 0),
    ],
)
def test_identity_spike(case: str, n: int, calls: list[tuple[str, int, int]], own: float | None, found: int) -> None:
    judged = window(identities=[(WHO, 200, n)], calls=calls, regulars={"identity:2xx": {WHO: own}} if own else {})
    assert [sighting.actor for sighting in identity_spike(judged, baseline())] == [WHO] * found, case


def test_little_history_and_folded_identities() -> None:
    assert list(identity_spike(window(identities=[(WHO, 200, 60)], calls=SPREAD), baseline(pairs=10))) == []
    assert list(identity_spike(window(identities=[("user:other", 200, 900)], calls=SPREAD), baseline())) == []


@pytest.mark.parametrize(("days", "found"), [(13, 0), (14, 1)])
def test_a_shared_subscription_needs_two_weeks(days: int, found: int) -> None:
    judged = window(identities=[(WHO, 200, 90)], calls=SPREAD)
    assert len(list(identity_spike(judged, baseline(tops={"identity:2xx": [40.0] * 12}, days=days)))) == found
