"""Bytes sent to one IP: in sum, in one answer, and in three large ones."""

import pytest

from detectors.response_payload_spike import response_payload_spike
from stats.moments import Moments
from tests.build import IP, baseline, window

TOPS = {"response:sum": [100_000.0] * 12, "response:call": [40_000.0] * 12, "response:third": [20_000.0] * 12}


@pytest.mark.parametrize(
    ("case", "answers", "found"),
    [
        ("as usual", [40_000, 20_000, 20_000], 0),
        ("one answer, four times the largest", [160_001], 1),
        ("one large answer is an accident", [130_000], 0),
        ("three large answers are not", [51_000, 51_000, 51_000], 1),
        ("but their sum must be large too", [51_000, 51_000, 50_000 // 4], 0),
        ("three times the largest sum", [30_100] * 10, 1),
        ("no bodies", [0, 0], 0),
    ],
)
def test_response_payload_spike(case: str, answers: list[int], found: int) -> None:
    sightings = list(response_payload_spike(window(sizes=[(IP, 0, size) for size in answers]), baseline(tops=TOPS)))
    assert [sighting.actor for sighting in sightings] == [IP] * found, case


def test_without_a_rank_nothing_is_known() -> None:
    assert list(response_payload_spike(window(sizes=[(IP, 0, 10**9)]), baseline())) == []


def test_little_history_asks_for_the_spread_too() -> None:
    few = baseline(tops=TOPS, calls=300)
    assert list(response_payload_spike(window(sizes=[(IP, 0, 10**6)]), few))
    wide = type(few)(**{**{name: getattr(few, name) for name in few.__struct_fields__}, "logs": {"1 2xx": Moments(100, 1000.0, 10_400.0)}})
    assert list(response_payload_spike(window(sizes=[(IP, 0, 10**6)]), wide)) == [], "four deviations of 2 above e^10"
    unknown = type(few)(**{**{name: getattr(few, name) for name in few.__struct_fields__}, "logs": {}})
    assert list(response_payload_spike(window(sizes=[(IP, 0, 10**6)]), unknown)) == []
