"""The largest request body of one IP."""

import msgspec
import pytest

from detectors.request_payload_spike import request_payload_spike
from model import Severity
from stats.moments import Moments
from tests.build import IP, baseline, window


@pytest.mark.parametrize(
    ("case", "size", "usual", "found"),
    [
        ("as usual", 900, 1_000, 0),
        ("twice the 10th-largest is below the floor", 2_100, 1_000, 0),
        ("above the floor", 4_097, 1_000, 1),
        ("an endpoint of large bodies", 150_000, 100_000, 0),
        ("larger than twice", 200_001, 100_000, 1),
        ("a body where there was never one", 5_000, None, 1),
    ],
)
def test_request_payload_spike(case: str, size: int, usual: float | None, found: int) -> None:
    learned = baseline(tops={"request:call": [usual] * 12} if usual else {})
    sightings = list(request_payload_spike(window(sizes=[(IP, size, 0), (IP, 10, 0)]), learned))
    assert [sighting.observed for sighting in sightings] == [size] * found, case


def test_a_huge_body_is_severe() -> None:
    assert [s.severity for s in request_payload_spike(window(sizes=[(IP, 4096 * 100, 0)]), baseline())] == [Severity.HIGH]


@pytest.mark.parametrize(
    ("case", "usual", "pairs", "size", "found"),
    [
        ("few bodies, and one like the largest", [9_000.0, 5_000.0], 5_000, 17_000, 0),
        ("few bodies, and one twice as large as any", [9_000.0, 5_000.0], 5_000, 18_001, 1),
        ("few callers", [9_000.0, *[1_000.0] * 11], 200, 17_000, 0),
        ("many callers", [9_000.0, *[1_000.0] * 11], 5_000, 17_000, 1),
    ],
)
def test_small_endpoints(case: str, usual: list[float], pairs: int, size: int, found: int) -> None:
    learned = baseline(tops={"request:call": usual}, pairs=pairs // 4)
    assert len(list(request_payload_spike(window(sizes=[(IP, size, 0)]), learned))) == found, case


def test_uploads_are_measured_by_the_largest_ever() -> None:
    wide = Moments(1_000, 9_000.0, 1_000 * (81.0 + 4.0))
    learned = msgspec.structs.replace(baseline(tops={"request:call": [900_000.0, *[50_000.0] * 11]}), logs={"0 2xx": wide})
    assert list(request_payload_spike(window(sizes=[(IP, 1_700_000, 0)]), learned)) == []
    assert len(list(request_payload_spike(window(sizes=[(IP, 1_900_000, 0)]), learned))) == 1
