"""Server errors."""

import pytest

from detectors.error_burst import error_burst
from model import Severity
from tests.build import IP, baseline, seasonal, window


@pytest.mark.parametrize(
    ("case", "errors", "ok", "mean", "found"),
    [
        ("a few", 9, 0, 0.1, []),
        ("down", 12, 3, 0.1, [Severity.MEDIUM]),
        ("a fifth of the calls", 12, 48, 0.1, [None]),
        ("a busy endpoint fails now and then", 12, 500, 0.1, []),
        ("usual here", 25, 25, 10.0, []),
    ],
)
def test_error_burst(case: str, errors: int, ok: int, mean: float, found: list[Severity | None]) -> None:
    judged = window(calls=[(IP, 503, errors), (IP, 200, ok)])
    assert [s.severity for s in error_burst(judged, baseline(series={"5xx": seasonal(mean)}))] == found, case
